/** **terminate / time out**: the server closes a run without the fence (force-close.ts), then flushes its outbox. */
import type { Ports, Ref } from "../ports.ts";
import { type Ending, type ForceClosed, forceClose } from "./force-close.ts";
import { flushOutbox } from "./outbox.ts";

/** `chain`: ends only that start of the execution. */
export async function terminate(ports: Ports, ref: Ref, ending: Ending, chain?: string): Promise<ForceClosed> {
  const ended = await forceClose(ports, ref, ending, chain);
  if (ended.kind === "closed" && ended.head.outbox.length > 0) await flushOutbox(ports, ended.head);
  return ended;
}
