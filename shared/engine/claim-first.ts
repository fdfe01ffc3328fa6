/**
 * CLAIM-1. The answer to a poll may carry the claim of an execution that nobody has claimed yet, made for the session that
 *     polls: a call and a durable write less for each new execution. It is the same claim at an earlier moment. The session
 *     has no view of the execution that it could contradict. If the answer is lost, the execution is as after any claim
 *     whose answer is lost: the task comes again when its lease ends. A task may be left of an execution of the same id that was
 *     deleted and belonged to another deployment: only an execution of the queue's deployment is claimed.
 * CLAIM-2. Such an answer may leave before the start of the execution is on the disk, if the start, its task and this claim are writes of one
 *     transaction, so that a crash loses all of them or none. Nobody knows the run yet. What its code decides has an effect only after a
 *     call whose answer waits for the disk, and brings there what was written before, the start too. After a crash that has lost the start, the
 *     worker's calls name a run that does not exist. A claim of a run that began in an earlier transaction waits: if it alone
 *     were lost, a restarted server would give its fence to another session. So does that of a run whose id an idempotency key keeps: after
 *     a crash the same run could begin again, with the same fence.
 */

import type { Ports, QueueRef, Ref } from "../ports.ts";
import type { Delivery } from "../protocol/worker.ts";
import { type Claimed, claimed, KEEP_MS } from "./claim.ts";

/** Of a head, for the answer to a poll carries up to ten. */
const MAX_BYTES = 64 * 1024;

export async function withFirstClaims(
  ports: Ports,
  { workspace, deployment }: Pick<QueueRef, "workspace" | "deployment">,
  session: string,
  deliveries: readonly Delivery[],
): Promise<Delivery[]> {
  if ((await ports.registry.knownHolds(workspace)).length > 0) return [...deliveries]; // a claim of the worker's own finds out (HOLD-2)
  const all: Delivery[] = [];
  for (const delivery of deliveries) {
    const { task } = delivery;
    const first =
      task.kind === "workflow"
        ? await claimFirst(ports, { workspace, execution: task.execution }, { session, deployment })
        : null;
    all.push(first ? { ...delivery, claimed: first } : delivery);
  }
  return all;
}

/** CLAIM-2. */
export const mayLeaveEarly = ({ executions }: Ports, deliveries: readonly Delivery[]): boolean =>
  executions.beganTogether !== undefined &&
  deliveries.length > 0 &&
  deliveries.every(({ claimed }) => claimed?.kind === "claimed" && executions.beganTogether!(claimed.head.run));

/** Null: the worker claims the execution itself. */
async function claimFirst(
  ports: Ports,
  ref: Ref,
  by: { session: string; deployment: string },
): Promise<Claimed | null> {
  const now = ports.clock.now();
  const head = await ports.executions.claimFirst?.(ref, {
    dueAt: now + ports.settings.claimTimeoutMs,
    keepAfter: now + KEEP_MS,
    bytes: MAX_BYTES,
    ...by,
  });
  if (!head) return null;
  const answer = await claimed(ports, ref, head, now);
  return answer.kind === "claimed" ? answer : null;
}
