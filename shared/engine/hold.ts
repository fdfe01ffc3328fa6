/**
 * Holds: an operator keeps the executions of a deployment, of a workflow, or of a workflow in one deployment from being
 * worked on. Starts, schedules, messages and outcomes are taken in as always; workers get nothing new.
 *
 * HOLD-1. A hold is one conditional write of the list of the workspace's holds, and no write of an execution. So a crash at
 *     any moment leaves either hold or none, and every execution as it was.
 * HOLD-2. A claim in a held scope answers `later` before it writes. The worker finishes its task. The head stays due as the
 *     start, the sender or the park has left it, so the sweeper finds the execution after the release (PROTOCOL-5).
 * HOLD-3. A worker in which attempts of the execution run, or that has outcomes of some, says so in its claim, and the claim
 *     goes through. Otherwise the outcomes would be dropped, and the attempts made again would count.
 * HOLD-4. `begin` of a queued activity in a held scope answers `held` before it writes. The worker passes the task on: the
 *     server sends a copy that becomes visible later, and whose first delivery is the attempt that has not begun; then the
 *     worker finishes its own. A crash between the two leaves both, as a repeated send does. A delivery that is merely
 *     handed back would count as an attempt.
 * HOLD-5. A release is a second state of the hold. With a rate, claims and begins in the scope take permits of a rate limit,
 *     and those that get none wait as under a hold. Rounds of the sweep enqueue the tasks of the scope's due executions in
 *     the order of their due times, at that rate, and remember the place in the hold. A crash in a round repeats a part of
 *     it, and a task that comes twice is harmless. The round that comes to the end removes the hold.
 * HOLD-6. Functions on AWS know the holds as of `HOLD_LAG_MS` ago. So a hold stops the last hand-outs so much later, and a
 *     release goes on for longer than that, in order to find the executions that were refused in between.
 * HOLD-7. An attempt that has begun goes on, with its retries in the same worker. The worker learns from the answer to its
 *     heartbeat what is held, and begins no further activities of it by itself: they go to the queue (HOLD-4).
 * HOLD-8. A hold stops no clock: deadlines, timeouts of activities and waits of callers run on.
 * HOLD-9. Messages that workflow code sends to other executions are built-in activities that the worker of the step runs itself. They
 *     need no further task, so those of a step that is recorded are sent under a hold too.
 */
import { holdsOf } from "../core/holds-of.ts";
import type { Ports, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";

/** Whether a claim must wait (HOLD-2). */
export async function claimWaits(ports: Ports, ref: Ref): Promise<boolean> {
  const holds = await ports.registry.knownHolds(ref.workspace);
  return holds.length > 0 && (await import("./holding.ts")).claimWaitsFor(ports, ref, holds);
}

/** Whether an attempt from the queue must wait (HOLD-4). */
export async function beginWaits(ports: Ports, head: Head): Promise<boolean> {
  const holds = await ports.registry.knownHolds(head.workspace);
  return holds.length > 0 && (await import("./holding.ts")).isKept(ports, head.workspace, holdsOf(holds, head));
}
