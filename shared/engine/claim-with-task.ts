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
 * CLAIM-3. The answer to a poll that asks for that (`claim_again`) may also carry the claim of an execution whose owner the session is, if
 *     its present run was claimed before: nobody else has claimed it since, so the session may still have a view of the run. The
 *     server makes this claim only for a pending wake-up, which has raised the fence already: the claim takes nothing from a step that
 *     the session is making, and a park that is on its way is refused in any case (interleaving "a park meets the claim that came with a task").
 *     If the answer is lost, the head is due as after any claim (interleaving "a claim is lost with the answer of a poll"). Where
 *     the poll waits while the message is sent, message, wake-up, delivery and claim are writes of one transaction, and one sync brings
 *     them to the disk. The answer may leave before it (CLAIM-6).
 * CLAIM-4. The server does not know what the session has. It claims as for a caller that has the log up to its end, and says where
 *     that was (`claimed_after`). The worker uses the claim if it has a view of that run that reaches this event, and whose fence is
 *     older than that of the claim. Otherwise it throws the claim away and claims by a call, as if the answer had been lost
 *     (interleaving "a claim that came with a task is for a view that was dropped"). The view may have batches that are later than the
 *     claim, because the worker has written or read them since. This is as if the claim had read the log later, which the order in
 *     `claim.ts` allows: a message that these batches have taken in is known from the state. But the effects of batches that the worker has only
 *     read do not count as performed (EXEC-4; interleaving "a claim that came with a task is older than the view"). Another worker may have claimed
 *     meanwhile: positions and fence decide, as always (interleaving "two workers have claimed for one wake-up").
 * CLAIM-5. The server leaves a claim out of the answer if it cannot read the log or the messages, or if there are many messages, and
 *     the worker's own call finds out: the other tasks of the answer do not wait for it.
 * CLAIM-6. An answer with claims of CLAIM-3 may leave before the disk has them, if no fence is given twice (FENCE-1), and if it tells nothing
 *     but signals and updates. Their senders have no answer yet: to them a crash that loses a message is a call without an answer, which
 *     may have taken effect or not. Batches and other messages tell what another execution or an activity has done, which a crash may undo,
 *     so they wait. The worker's calls wait for the disk as all do, and bring there what was written before them. After a crash that has lost the claim
 *     the worker has a fence that the head never had. Its append is refused and it claims again: a batch of it could begin
 *     a timer that no due time covers, because the due time of the claim is lost too, and a later owner who found nothing to do may have
 *     parked. A former owner whose claim is not lost is no such danger: what its batch takes in, the later owner has found as well. After a
 *     restart the server cannot tell the two apart (FENCE-3). A close, a park and a refusal of updates need the present fence in any case.
 */

import type { Ports, QueueRef, Ref } from "../ports.ts";
import type { Delivery } from "../protocol/worker.ts";
import { type Claimed, claimed, FIRST_CLAIM, KEEP_MS } from "./claim.ts";

/** Of a head, for the answer to a poll carries up to ten. */
const MAX_BYTES = 64 * 1024;
/** CLAIM-5. */
const MOST_MESSAGES = 100;
/** The log has only the event that the head stands for. */
const NO_BATCH = 1;

/** `again`: CLAIM-3. */
interface Claimer {
  readonly session: string;
  readonly deployment: string;
  readonly again: boolean;
}

type WithClaim = Pick<Delivery, "claimed" | "claimed_after">;

export async function withClaims(
  ports: Ports,
  { workspace, deployment }: Pick<QueueRef, "workspace" | "deployment">,
  by: { readonly session: string; readonly again: boolean },
  deliveries: readonly Delivery[],
): Promise<Delivery[]> {
  if ((await ports.registry.knownHolds(workspace)).length > 0) return [...deliveries]; // a claim of the worker's own finds out (HOLD-2)
  const all: Delivery[] = [];
  for (const delivery of deliveries) {
    const { task } = delivery;
    if (task.kind !== "workflow") all.push(delivery);
    else
      all.push({
        ...delivery,
        ...(await claimWoken(ports, { workspace, execution: task.execution }, { ...by, deployment })),
      });
  }
  return all;
}

/** CLAIM-2, CLAIM-6. */
export const mayLeaveEarly = ({ executions }: Ports, deliveries: readonly Delivery[]): boolean =>
  deliveries.length > 0 &&
  deliveries.every(
    ({ claimed }) =>
      claimed &&
      (claimed.head.fence === FIRST_CLAIM
        ? executions.beganTogether?.(claimed.head.run)
        : executions.givesFencesOnce?.() && isSentFromOutside(claimed)),
  );

/** It tells nothing but messages of callers. */
const isSentFromOutside = ({ messages, batches }: Claimed): boolean =>
  batches.length === 0 && messages.every(({ kind }) => kind === "signal" || kind === "update");

/** Null: the worker claims the execution itself. */
async function claimWoken(ports: Ports, ref: Ref, by: Claimer): Promise<WithClaim | null> {
  try {
    const now = ports.clock.now();
    const woken = await ports.executions.claimWoken?.(ref, {
      dueAt: now + ports.settings.claimTimeoutMs,
      keepAfter: now + KEEP_MS,
      bytes: MAX_BYTES,
      ...by,
    });
    if (!woken) return null;
    const { head, tail } = woken;
    const answer = await claimed(ports, ref, head, now, { run: head.run, tail });
    if (answer.kind !== "claimed" || answer.messages.length > MOST_MESSAGES) return null;
    return { claimed: answer, ...(tail > NO_BATCH && { claimed_after: tail }) };
  } catch (error) {
    ports.log.warn("the claim of an execution is left to its worker", { ...ref, error }); // CLAIM-5
    return null;
  }
}
