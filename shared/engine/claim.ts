/**
 * **claim** — 1 `due_at = now + guard, turn + 1, remove rung` if running, answering the head; the `due_at` of a start or
 * a mark stays as it is if it lies further than a drive's first renewal. 2 read the chain's inbox. 3 *then* the log; the
 * first claim of all need not. 4 if messages were found: read the head again; turn no longer mine: leave the messages,
 * they belong to the next holder. All strongly consistent, in this order (interleavings 1, 2, 11). Before going on:
 * perform again the effects of batches after `sent` (interleaving 12) and what a continued run still owes.
 */

import type { Ports, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Batch, Millis } from "../protocol/history.ts";
import { RENEW_MS } from "../protocol/limits.ts";
import type { Message } from "../protocol/messages.ts";
import { performEffects } from "./effects.ts";
import { flushOutbox } from "./outbox.ts";
import { terminate } from "./terminate.ts";

/** The drive renews its promise before that. */
const KEEP_MS: Millis = RENEW_MS + 5_000;
/**
 * A start makes turn 1, and each claim and mark another: nobody has claimed before, so nobody has written a batch. There
 * may be messages: their senders found the head rung by its start.
 */
const FIRST_CLAIM = 2;

export interface Claimed {
  readonly kind: "claimed";
  readonly head: Head;
  /** Batches after what the caller has. */
  readonly batches: Batch[];
  readonly messages: Message[];
  readonly fenced: boolean;
  readonly now: Millis;
}

export async function claim(
  ports: Ports,
  ref: Ref,
  p: { session: string; have?: { run: string; tail: number } },
): Promise<Claimed | { kind: "closed" }> {
  const now = ports.clock.now();
  const dueAt = now + ports.settings.claimTimeoutMs;
  const head = await ports.executions.claim(ref, { dueAt, keepAfter: now + KEEP_MS, session: p.session });
  if (!head) {
    const final = await ports.executions.head(ref);
    if (final && final.status !== "RUNNING" && final.due_at !== null) await flushOutbox(ports, final);
    return { kind: "closed" };
  }
  if (head.deadline !== null && head.deadline <= now) {
    await terminate(ports, ref, { kind: "timed_out" });
    return { kind: "closed" };
  }
  if (head.outbox.length > 0) await flushOutbox(ports, head);
  const has = p.have?.run === head.run ? p.have.tail : 1;
  const read = async () => {
    const messages = await ports.executions.inbox(ref, head.chain);
    const empty = head.fence === FIRST_CLAIM;
    return {
      messages,
      log: empty ? [] : await ports.executions.batches(ref, head.run, Math.min(has, head.effects_done_through)),
    };
  };
  let seen = await read();
  const unsent = seen.log.filter((b) => b.first > head.effects_done_through);
  // A refused child was put into this very inbox.
  if (await performEffects(ports, head, unsent, "put")) seen = await read();
  let { messages } = seen;
  let fenced = false;
  if (messages.length > 0) {
    const again = await ports.executions.head(ref);
    fenced = again?.fence !== head.fence;
    if (fenced) messages = [];
  }
  const batches = seen.log.filter((b) => b.first > has);
  return { kind: "claimed", head, batches, messages, fenced: fenced, now };
}
