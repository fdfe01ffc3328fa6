/**
 * **start**: repeats `create` (create.ts) while a final head that may be replaced still has outbox entries, and flushes that
 * outbox in between (interleaving "start over a final head with an outbox"). An id that the server has made is tried with `createNew`
 * first. (PROTOCOL-9)
 */

import type { Ports } from "../ports.ts";
import { create, createNew, firstHead, givingWay, type StartRequest, type StartResult } from "./create.ts";
import { flushOutbox } from "./outbox.ts";

export type { StartRequest, StartResult } from "./create.ts";

export async function start(ports: Ports, request: StartRequest): Promise<StartResult> {
  const head = firstHead(ports, request);
  const created = request.isNewId ? await createNew(ports, head) : null;
  if (created) return created;
  const over = givingWay(request);
  for (;;) {
    const result = await create(ports, head, over);
    if (result.kind !== "exists") return result;
    const found = result.head;
    if (!over.some((status) => status === found.status) || found.due_at === null) return result;
    await flushOutbox(ports, found);
  }
}
