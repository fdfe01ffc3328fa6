/**
 * **append** (PROTOCOL-1, PROTOCOL-2, PROTOCOL-8)
 *
 * 1. Put the batch at `tail + 1` if that position is free. If it holds a batch of the same `append_id`, an earlier call
 *    has written it. If it holds another: `conflict`; the caller reads again, decides again and keeps the outcomes of its
 *    local work (interleaving "the loser of a position stops").
 * 2. Perform the effects, delete the messages in `taken`.
 * 3. With `look`, answer new messages, unless a newer fence exists, as in a claim.
 *
 * A crash after 1: the worker repeats the call. If the worker died too, the batch is after `effects_done_through`, so the
 * next claim performs its effects; the folded state lists these messages as taken in, and the next owner deletes them.
 */

import { isInputEvent } from "../core/human-inputs.ts";
import type { Ports, Ref } from "../ports.ts";
import type { Batch } from "../protocol/history.ts";
import { isClosing } from "../protocol/history.ts";
import { MAX_HISTORY_BYTES, MAX_HISTORY_EVENTS } from "../protocol/limits.ts";
import type { InboxMessage } from "../protocol/messages.ts";
import { performEffects } from "./effects.ts";
import { flushOutbox } from "./outbox.ts";

export type Appended =
  | { kind: "appended"; messages: InboxMessage[]; fenced: boolean }
  | { kind: "conflict" }
  /** Nothing was written: a crash may have lost the claim of this fence (CLAIM-6). */
  | { kind: "fenced" }
  | { kind: "malformed"; detail: string }
  /** Nothing was written: the history of the run would exceed a limit. The run can still be closed. */
  | { kind: "full"; detail: string };

export interface AppendRequest {
  readonly run: string;
  readonly chain: string;
  readonly fence: number;
  readonly batch: Batch;
  readonly taken: readonly string[];
  /** Answers new messages, which costs a read. With false the next task delivers them. Default true. */
  readonly look?: boolean | undefined;
}

/** Says why the log cannot hold the batch: ids must be in a row, times must not fall, only `close` writes a closing event. */
export function checkBatch(batch: Batch, closing: boolean): string | null {
  let id = batch.first;
  let at = 0;
  for (const event of batch.events) {
    if (event.id !== id) return `event ids must be in a row from ${batch.first}: found ${event.id} where ${id} belongs`;
    if (event.at < at) return `event ${id} is earlier than the one before it`;
    const last = id === batch.first + batch.events.length - 1;
    if (isClosing(event) && !(closing && last)) return `${event.kind} may only be the last event of a close`;
    if (last && closing && !isClosing(event))
      return `the last event of a close must close the run, found ${event.kind}`;
    id += 1;
    at = event.at;
  }
  return null;
}

export async function append(ports: Ports, ref: Ref, p: AppendRequest): Promise<Appended> {
  const malformed = checkBatch(p.batch, false);
  if (malformed) return { kind: "malformed", detail: malformed };
  const tail = p.batch.first + p.batch.events.length - 1;
  if (tail > MAX_HISTORY_EVENTS) return full(p.run, `${tail} events`, `${MAX_HISTORY_EVENTS} events`);
  const put = await ports.executions.putBatch(ref, p.run, p.batch, MAX_HISTORY_BYTES, p.fence);
  if (put.kind === "full") return full(p.run, `${put.bytes} bytes`, `${MAX_HISTORY_BYTES} bytes`);
  if (put.kind === "fenced") return put;
  if (put.kind === "taken" && put.by?.append_id !== p.batch.append_id) return { kind: "conflict" };
  if (needsHead(p.batch)) {
    const head = await ports.executions.run(ref.workspace, p.run);
    if (head) await performEffects(ports, { ...head, run: p.run, chain: p.chain }, [p.batch], { flush: flushOutbox });
  }
  if (p.taken.length > 0) await ports.executions.removeMessages(ref, p.chain, p.taken);
  return { kind: "appended", ...(p.look === false ? NO_MESSAGES : await newMessages(ports, ref, p)) };
}

function full(run: string, size: string, limit: string): Appended {
  const detail = `the history of run '${run}' would have ${size}, the limit is ${limit}: continue as new before it grows so long`;
  return { kind: "full", detail };
}

const NO_MESSAGES = { messages: [], fenced: false };

/** None if a newer fence exists (interleaving "a worker without the fence takes a message"). */
async function newMessages(
  ports: Ports,
  ref: Ref,
  p: AppendRequest,
): Promise<{ messages: InboxMessage[]; fenced: boolean }> {
  const messages = await ports.executions.inbox(ref, p.chain);
  if (messages.length === 0) return { messages, fenced: false };
  const head = await ports.executions.head(ref);
  const mine = head?.fence === p.fence && head.run === p.run;
  return mine ? { messages, fenced: false } : { messages: [], fenced: true };
}

const EFFECTFUL = new Set<string>([
  "activity_scheduled",
  "activity_attempt_started",
  "activity_restarted",
  "activity_cancel_requested",
  "child_scheduled",
  "child_cancel_requested",
  "search_keys_set",
]);
/** Local work has no effects outside the worker: the common step needs no read of the head. */
const needsHead = (batch: Batch): boolean =>
  batch.events.some(
    (e) =>
      isInputEvent(e) || (EFFECTFUL.has(e.kind) && !("where" in e && e.where !== undefined && e.where !== "queue")),
  );
