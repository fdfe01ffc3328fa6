/**
 * **append** — 1 `put LOG#<run>#<tail + 1>` if absent. Refused: the same `append_id` there = we won earlier; else the
 * position is lost: the caller reads again, decides again and keeps its local outcomes. 2 effects, and deletes of the
 * messages named. The answer to one who looks carries new messages, with the same turn check as a claim. (PROTOCOL-1, PROTOCOL-2, PROTOCOL-8)
 *
 * A crash after 1: the worker repeats the call; if it died too, the batch is beyond `sent`, and a message left behind is
 * known to the fold and deleted by the next driver.
 */

import type { Ports, Ref } from "../ports.ts";
import type { Batch } from "../protocol/history.ts";
import { isClosing } from "../protocol/history.ts";
import { MAX_HISTORY_BYTES, MAX_HISTORY_EVENTS } from "../protocol/limits.ts";
import type { Message } from "../protocol/messages.ts";
import { performEffects } from "./effects.ts";

export type Appended =
  | { kind: "appended"; messages: Message[]; fenced: boolean }
  | { kind: "conflict" }
  | { kind: "malformed"; detail: string }
  /** Nothing is written: the history of the run would be over a limit. It can still be closed. */
  | { kind: "full"; detail: string };

export interface AppendRequest {
  readonly run: string;
  readonly chain: string;
  readonly fence: number;
  readonly batch: Batch;
  readonly taken: readonly string[];
  /** Whether to answer new messages, at the price of a read. Who does not look hears by the task that rings. Default true. */
  readonly look?: boolean | undefined;
}

/** A batch must be what the log can hold: ids in a row, times that never fall, a closing event only through `close`. */
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
  const put = await ports.executions.putBatch(ref, p.run, p.batch, MAX_HISTORY_BYTES);
  if (put.kind === "full") return full(p.run, `${put.bytes} bytes`, `${MAX_HISTORY_BYTES} bytes`);
  if (put.kind === "taken" && put.by?.append_id !== p.batch.append_id) return { kind: "conflict" };
  if (needsHead(p.batch)) {
    const head = await ports.executions.run(ref.workspace, p.run);
    if (head) await performEffects(ports, { ...head, run: p.run, chain: p.chain }, [p.batch]);
  }
  if (p.taken.length > 0) await ports.executions.removeMessages(ref, p.chain, p.taken);
  return { kind: "appended", ...(p.look === false ? NO_NEWS : await news(ports, ref, p)) };
}

function full(run: string, size: string, limit: string): Appended {
  const detail = `the history of run '${run}' would have ${size}, the limit is ${limit}: continue as new before it grows so long`;
  return { kind: "full", detail };
}

const NO_NEWS = { messages: [], fenced: false };

/** New messages, unless the turn is no longer the caller's (interleaving 11). */
async function news(ports: Ports, ref: Ref, p: AppendRequest): Promise<{ messages: Message[]; fenced: boolean }> {
  const messages = await ports.executions.inbox(ref, p.chain);
  if (messages.length === 0) return { messages, fenced: false };
  const head = await ports.executions.head(ref);
  const mine = head?.fence === p.fence && head.run === p.run;
  return mine ? { messages, fenced: false } : { messages: [], fenced: true };
}

const EFFECTFUL = new Set<string>([
  "activity_scheduled",
  "activity_attempt_started",
  "activity_cancel_requested",
  "child_scheduled",
  "child_cancel_requested",
  "search_keys_set",
]);
/** Local work has no effects outside: the common step needs no head. */
const needsHead = (batch: Batch): boolean =>
  batch.events.some((e) => EFFECTFUL.has(e.kind) && !("where" in e && e.where !== undefined && e.where !== "queue"));
