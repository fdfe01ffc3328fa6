/**
 * **send** (PROTOCOL-3, PROTOCOL-4)
 *
 * 1. Read the head. Not running, or another chain than asked for: `closed`.
 * 2. Put the message, numbered (MESSAGE-1); idempotent by its id.
 * 3. Request a wake-up: set `due_at = now + wake timeout` and `wake_pending`, and raise the fence, if the head is
 *    running, of this chain and without a pending wake-up. Refused because a wake-up is pending: the message is accepted,
 *    the next claim reads it. Refused because the execution closed or began another chain: delete the message.
 * 4. Enqueue a workflow task, then acknowledge.
 *
 * A crash after 2: the message is not acknowledged; a worker takes it in later or never. After 3: the sweeper enqueues
 * the task.
 */

import type { Ports, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Message } from "../protocol/messages.ts";
import { enqueueWorkflowTask } from "./enqueue.ts";

export type SendResult = { kind: "accepted"; head: Head } | { kind: "closed"; head: Head | null };

/** `chain`: the start of the execution that the message is for, as outcomes need it; default: the present one. */
export async function send(ports: Ports, ref: Ref, message: Message, chain?: string): Promise<SendResult> {
  const head = await ports.executions.head(ref);
  if (head?.status !== "RUNNING") return { kind: "closed", head };
  const to = chain ?? head.chain;
  if (to !== head.chain) return { kind: "closed", head };
  await ports.executions.putMessage(ref, to, message);
  const requested = await ports.executions.requestWake(ref, to, ports.clock.now() + ports.settings.wakeTimeoutMs);
  if (requested.kind === "refused") {
    const found = requested.head;
    if (found && found.status === "RUNNING" && found.chain === to && found.wake_pending) {
      // The sender of the pending wake-up enqueues its task, or the sweeper does: no second task here.
      return { kind: "accepted", head: found };
    }
    await ports.executions.removeMessages(ref, to, [message.id]);
    return { kind: "closed", head: found };
  }
  await enqueueWorkflowTask(ports, head);
  return { kind: "accepted", head };
}
