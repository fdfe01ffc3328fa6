/**
 * **send** — 0 read the head: not running -> closed. 1 put the message (idempotent by id). 2 mark: `due_at = now + ring,
 * rung, turn + 1` if running, of this chain and not rung. Refused by `rung`: accepted, somebody is already due to look.
 * Closed or of another chain: delete the message. 3 ring, then acknowledge. (PROTOCOL-3, PROTOCOL-4)
 *
 * A crash after 1: not acknowledged, taken in later or never. After 2: the sweeper rings.
 */

import type { Ports, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Message } from "../protocol/messages.ts";
import { enqueueWorkflowTask } from "./enqueue.ts";

export type SendResult = { kind: "accepted"; head: Head } | { kind: "closed"; head: Head | null };

/** `chain`: only if the execution is still that start of it (outcomes); default: the present one. */
export async function send(ports: Ports, ref: Ref, message: Message, chain?: string): Promise<SendResult> {
  const head = await ports.executions.head(ref);
  if (head?.status !== "RUNNING") return { kind: "closed", head };
  const to = chain ?? head.chain;
  if (to !== head.chain) return { kind: "closed", head };
  await ports.executions.putMessage(ref, to, message);
  const requested = await ports.executions.requestWake(ref, to, ports.clock.now() + ports.settings.wakeTimeoutMs);
  if (requested.kind === "refused") {
    const found = requested.head;
    if (found && found.status === "RUNNING" && found.chain === to) {
      if (found.wake_pending) return { kind: "accepted", head: found };
    }
    await ports.executions.removeMessages(ref, to, [message.id]);
    return { kind: "closed", head: found };
  }
  await enqueueWorkflowTask(ports, head);
  return { kind: "accepted", head };
}
