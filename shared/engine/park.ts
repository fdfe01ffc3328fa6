/**
 * **park** — `due_at = next(state), sent = tail` if `turn` and `run` are the caller's; refused: write nothing. A wait that
 * ends soon also queues a delayed task. Only park removes a running execution's `due_at` or sets it further ahead than a
 * guard: what a mark or a claim puts off by less has its delayed task, or its time-out seen by the sweeper. (PROTOCOL-4,
 * interleaving 3)
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
    if (head) await enqueueWorkflowTask(ports, head, p.dueAt);
  }
  return parked;
}
