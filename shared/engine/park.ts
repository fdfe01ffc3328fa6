/**
 * **park**: sets `due_at` to the next time at which something is due and `effects_done_through` to the tail, if fence
 * and run are the caller's; otherwise it writes nothing (interleaving "park without the fence"). A wait that ends soon
 * also gets a delayed task. (PROTOCOL-4)
 *
 * Only park removes the `due_at` of a running execution, or sets it further ahead than the claim timeout. A requested wake-up
 * or a claim may move `due_at` to a later time, at most by the claim timeout: a delayed task, or the sweeper, looks after the
 * earlier time.
 */

import type { Ports, Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { enqueueWorkflowTask, SOON_MS } from "./enqueue.ts";

export async function park(
  ports: Ports,
  ref: Ref,
  p: { run: string; fence: number; dueAt: Millis | null; effectsDoneThrough: number },
): Promise<boolean> {
  const parked = await ports.executions.park(ref, p);
  if (parked && p.dueAt !== null && p.dueAt <= ports.clock.now() + SOON_MS) {
    const head = await ports.executions.head(ref);
    if (head) await enqueueWorkflowTask(ports, head, { at: p.dueAt });
  }
  return parked;
}
