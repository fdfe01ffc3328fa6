/**
 * **claim** (PROTOCOL-4), all reads strongly consistent, in this order (interleavings "claim removes the due time", "claim
 * reads the log before the inbox", "a worker without the fence takes a message"):
 *
 * 1. Set `due_at = now + claim timeout`, raise the fence and clear `wake_pending`, if running; answers the new head. A
 *    `due_at` that a start or a requested wake-up has set is kept where it lies far enough ahead (`KEEP_MS`).
 * 2. Read the inbox of the chain.
 * 3. Then read the log. The first claim of an execution need not: there is none.
 * 4. If there are messages: read the head again. If another fence is the present one, leave the messages to its owner.
 *    Otherwise no message was acknowledged since 1, so the inbox that was read lacks no message that is older than one in it
 *    (PROTOCOL-10, interleaving "a read of the inbox misses an older message").
 *
 * A caller that names its deployment claims only runs of it: the task may be one of a run before, which was in another
 * deployment (CURRENT-1). The caller then finishes its task, for the present run has its own.
 *
 * An execution that an operator holds is not claimed, and nothing of it is written (HOLD-2).
 *
 * A run that may not begin yet is not claimed: after 1 it is parked until then, with a delayed task (PACE-3).
 *
 * Before it answers, claim flushes the outbox that a continued run inherited, and performs again the effects of batches
 * after `effects_done_through` (interleaving "effects of a dead worker").
 */

import { beginsAt } from "../core/run-interval.ts";
import type { Ports, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Batch, Millis } from "../protocol/history.ts";
import { RENEW_MS } from "../protocol/limits.ts";
import type { InboxMessage } from "../protocol/messages.ts";
import { performEffects } from "./effects.ts";
import { claimWaits } from "./hold.ts";
import { flushOutbox } from "./outbox.ts";
import { park } from "./park.ts";
import { terminate } from "./terminate.ts";

/** A worker that still works on the execution claims it again (`RENEW_MS`) before such a due time comes. */
export const KEEP_MS: Millis = RENEW_MS + 5_000;
/**
 * The first start under an id makes fence 1, a later one the old fence + 1; each claim and each requested wake-up raises it. At fence 2 nobody has claimed before, so there
 * is no batch yet. There may be messages: the start's own wake-up was pending when they were sent.
 */
export const FIRST_CLAIM = 2;

export interface Claimed {
  readonly kind: "claimed";
  readonly head: Head;
  /** Batches after those that the caller has. */
  readonly batches: Batch[];
  readonly messages: InboxMessage[];
  /** True: there are messages, but a newer fence exists meanwhile; `messages` is empty. */
  readonly fenced: boolean;
  readonly now: Millis;
}

/** `running`: HOLD-3. */
export async function claim(
  ports: Ports,
  ref: Ref,
  p: { session: string; deployment?: string; have?: { run: string; tail: number }; running?: boolean },
): Promise<Claimed | { kind: "closed" | "later" }> {
  if (!p.running && (await claimWaits(ports, ref))) return { kind: "later" };
  const now = ports.clock.now();
  const dueAt = now + ports.settings.claimTimeoutMs;
  const { session, deployment } = p;
  const by = { session, ...(deployment !== undefined && { deployment }) };
  const head = await ports.executions.claim(ref, { dueAt, keepAfter: now + KEEP_MS, ...by });
  if (head) return claimed(ports, ref, head, now, p.have);
  const final = await ports.executions.head(ref);
  if (final && final.status !== "RUNNING" && final.due_at !== null) await flushOutbox(ports, final);
  return { kind: "closed" };
}

/** Steps 2 to 4: `head` is as the claim has left it. */
export async function claimed(
  ports: Ports,
  ref: Ref,
  head: Head,
  now: Millis,
  have?: { run: string; tail: number },
): Promise<Claimed | { kind: "closed" | "later" }> {
  if (head.deadline !== null && head.deadline <= now) {
    await terminate(ports, ref, { kind: "timed_out" });
    return { kind: "closed" };
  }
  if (head.outbox.length > 0) await flushOutbox(ports, head);
  const beginsLater = beginsAt(head, now);
  if (beginsLater !== null) {
    const { run, fence, effects_done_through: effectsDoneThrough } = head;
    await park(ports, ref, { run, fence, dueAt: beginsLater, effectsDoneThrough });
    return { kind: "later" };
  }
  const has = have?.run === head.run ? have.tail : 1;
  const read = async () => {
    const messages = await ports.executions.inbox(ref, head.chain);
    const empty = head.fence === FIRST_CLAIM;
    return {
      messages,
      log: empty ? [] : await ports.executions.batches(ref, head.run, Math.min(has, head.effects_done_through)),
    };
  };
  let seen = await read();
  const notPerformed = seen.log.filter((b) => b.first > head.effects_done_through);
  // `put`: the refusal of a child lies in this very inbox now.
  if (await performEffects(ports, head, notPerformed, { flush: flushOutbox, inbox: seen.messages }))
    seen = await read();
  let { messages } = seen;
  let fenced = false;
  if (messages.length > 0) {
    const again = await ports.executions.head(ref);
    fenced = again?.fence !== head.fence;
    if (fenced) messages = [];
  }
  const batches = seen.log.filter((b) => b.first > has);
  return { kind: "claimed", head, batches, messages, fenced, now };
}
