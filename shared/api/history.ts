/** The recorded events of a run: event 1, then those of all batches. Whole, in pages, or one event. */

import { isRefusal, notFound, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import { startedOf } from "../protocol/head.ts";
import type { HistoryEvent } from "../protocol/history.ts";
import type { HistoryQuery } from "../protocol/http/executions.ts";
import { DEFAULT_EVENTS_PAGE, MAX_CUT_READ_BYTES, MAX_LIST_BYTES } from "../protocol/limits.ts";
import type { ResponseOf } from "../protocol/routes.ts";
import { headOf } from "./executions.ts";
import { bytesOf, decoded } from "./payload.ts";
import { cutEvent } from "./preview.ts";
import { type RequestContext, refTo } from "./request-context.ts";

type Answer = ResponseOf<"getRunHistory"> | Refusal;
type OneEvent = ResponseOf<"getRunEvent"> | Refusal;
type Decoding = Pick<HistoryQuery, "decode_payloads">;

export async function executionHistory(context: RequestContext, execution: string, q: HistoryQuery): Promise<Answer> {
  const head = await headOf(context, execution);
  return isRefusal(head) ? head : historyOf(context, head, q);
}

export async function runHistory(context: RequestContext, run: string, q: HistoryQuery): Promise<Answer> {
  const head = await headOfRun(context, run);
  return isRefusal(head) ? head : historyOf(context, head, q);
}

export async function executionEvent(
  context: RequestContext,
  execution: string,
  event: string,
  q: Decoding,
): Promise<OneEvent> {
  const head = await headOf(context, execution);
  return isRefusal(head) ? head : eventOf(context, head, event, q);
}

export async function runEvent(context: RequestContext, run: string, event: string, q: Decoding): Promise<OneEvent> {
  const head = await headOfRun(context, run);
  return isRefusal(head) ? head : eventOf(context, head, event, q);
}

const headOfRun = async (context: RequestContext, run: string): Promise<Head | Refusal> =>
  (await context.ports.executions.run(context.workspace, run)) ?? notFound("run", run);

async function historyOf(context: RequestContext, head: Head, q: HistoryQuery): Promise<Answer> {
  if (q.after !== undefined || q.limit !== undefined || q.order !== undefined) return pageOf(context, head, q);
  await context.room.take("whole run");
  const batches = await context.ports.executions.batches(refTo(context, head.execution), head.run, 1);
  const events = [startedOf(head), ...batches.flatMap((batch) => batch.events)];
  return { events: events.map((event) => shown(event, q)) };
}

async function pageOf(context: RequestContext, head: Head, q: HistoryQuery): Promise<Answer> {
  await context.room.take("page");
  const order = q.order ?? "asc";
  const limit = q.limit ?? DEFAULT_EVENTS_PAGE;
  const [first, step] = order === "asc" ? [(q.after ?? 0) + 1, 1] : [(q.after ?? LAST_EVENT) - 1, -1];
  const events: HistoryEvent[] = [];
  let bytes = 0;
  let full = false;
  const take = (event: HistoryEvent) => {
    full ||= events.length >= limit;
    if (full) return;
    const next = shown(event, q);
    bytes += bytesOf(next);
    full = bytes > MAX_LIST_BYTES && events.length > 0; // one event always fits: the protocol limits its payloads
    if (!full) events.push(next);
  };
  if (order === "asc" && first === 1) take(startedOf(head));
  const from = order === "asc" ? Math.max(2, first) : Math.min(first, LAST_EVENT);
  // One event more than the page holds, which says that there is another page.
  const batches =
    from < 2
      ? []
      : await context.ports.executions.part(refTo(context, head.execution), head.run, {
          from,
          order,
          events: limit + 1,
          bytes: q.cut_payloads ? MAX_CUT_READ_BYTES : MAX_LIST_BYTES,
        });
  for (const batch of batches) {
    const inOrder = order === "asc" ? batch.events : batch.events.toReversed();
    for (const event of inOrder) if ((event.id - from) * step >= 0) take(event);
    await context.ports.pause?.();
  }
  const seen = batches.at(-1);
  const reached = seen && (order === "asc" ? seen.first + seen.events.length - 1 : seen.first);
  if (order === "desc" && first >= 1 && (reached === undefined || reached === 2)) take(startedOf(head));
  const last = events.at(-1)?.id;
  // The part may have ended at its bytes, before the end of the log.
  const more = full || (reached !== undefined && (await hasBeyond(context, head, reached + step, order)));
  return { events, next_after: more && last !== undefined ? last : null };
}

/** The id of no event: a history is full long before it. */
const LAST_EVENT = 9_999_999;

async function hasBeyond(context: RequestContext, head: Head, from: number, order: "asc" | "desc"): Promise<boolean> {
  if (order === "desc") return from >= 2;
  const ref = refTo(context, head.execution);
  return (await context.ports.executions.part(ref, head.run, { from, order, events: 1, bytes: 1 })).length > 0;
}

async function eventOf(context: RequestContext, head: Head, id: string, q: Decoding): Promise<OneEvent> {
  const wanted = /^[1-9]\d{0,6}$/.test(id) ? Number(id) : 0;
  if (wanted === 1) return { event: shown(startedOf(head), q) };
  const ref = refTo(context, head.execution);
  const part = { from: wanted, order: "asc", events: 1, bytes: 1 } as const;
  const batches = wanted === 0 ? [] : await context.ports.executions.part(ref, head.run, part);
  const event = batches[0]?.events.find((e) => e.id === wanted);
  return event ? { event: shown(event, q) } : notFound("event", id, "A history has the events 1, 2, 3 and so on.");
}

function shown(event: HistoryEvent, q: Decoding & { cut_payloads?: boolean }): HistoryEvent {
  const whole = q.decode_payloads ? withDecoded(event) : event;
  return q.cut_payloads ? cutEvent(whole) : whole;
}

/** Events of every kind have their payloads under `input` and `result`. */
function withDecoded(event: HistoryEvent): HistoryEvent {
  const shown = { ...event } as Record<string, unknown>;
  for (const name of ["input", "result"]) if (name in shown) shown[name] = decoded(shown[name]);
  return shown as unknown as HistoryEvent;
}
