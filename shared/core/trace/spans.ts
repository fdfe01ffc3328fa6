/**
 * The spans of a run, derived from its history: one for the run, and below it one for each attempt of an activity, child,
 * timer, update, human input and custom task. Payloads stay out of them.
 *
 * TRACE-1. Spans are never stored. Their ids derive from the run and from numbers in the history, so that each reader, the
 *     server or a worker, computes the same ones.
 */
import { cutText } from "../../protocol/cut-text.ts";
import type { Head } from "../../protocol/head.ts";
import { CLOSING, type HistoryEvent, isClosing, type Millis, rootMessage } from "../../protocol/history.ts";
import { type Digest, parentSpanOf, spanIdOf, tracingOf } from "./context.ts";

export type SpanKind = "execution" | "activity" | "child" | "timer" | "update" | "wait" | "task";
export type SpanStatus = "RUNNING" | "COMPLETED" | "FAILED";
export type Attributes = Record<string, string | number | boolean>;

export interface SpanEvent {
  readonly id: string;
  readonly name: string;
  readonly at: Millis;
  /** Bookkeeping that workflow code never sees. */
  readonly internal: boolean;
  readonly attributes: Attributes;
}

export interface Span {
  readonly id: string;
  readonly parent: string | null;
  readonly kind: SpanKind;
  readonly name: string;
  readonly start: Millis;
  /** Null: it has not ended. */
  end: Millis | null;
  status: SpanStatus;
  error: string | null;
  readonly attributes: Attributes;
}

export interface Spans {
  readonly run: Span;
  /** All but that of the run, in the order of their starts. */
  readonly below: Span[];
  /** Of the span of the run. */
  readonly events: SpanEvent[];
  /** Spans and events beyond `most`. */
  dropped: number;
  readonly most: number;
  readonly digest: Digest;
  readonly runId: string;
  /** Spans that have not ended, by what they are of. */
  readonly open: Map<string, Span>;
  /** Of activities: their names and the attempts seen last. */
  readonly activities: Map<number, { readonly name: string; attempt: number; retryAt: Millis | null }>;
}

const MOST_TEXT = 1_000;
const cut = (text: string): string => (text.length > MOST_TEXT ? `${cutText(text, MOST_TEXT)}…` : text);

/** The spans of a run before its event 2. `most`: so many spans and events are kept. */
export function spansOf(head: Head, digest: Digest, most: number): Spans {
  const { attributes, forced } = tracingOf(head);
  const run: Span = {
    id: spanIdOf(digest, head.run),
    parent: parentSpanOf(head, digest),
    kind: "execution",
    name: head.workflow,
    start: head.started_at,
    end: null,
    status: "RUNNING",
    error: null,
    attributes: {
      ...Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, cut(value)])),
      "sirocco.execution": head.execution,
      "sirocco.run": head.run,
      "sirocco.workflow": head.workflow,
      "sirocco.deployment": head.deployment,
      "sirocco.run_attempt": head.attempt,
      ...(head.schedule && { "sirocco.schedule": head.schedule.id }),
      ...(head.continued_from && { "sirocco.continued_from": head.continued_from }),
      ...(forced && { "sirocco.force_new_trace": true }),
    },
  };
  const [open, activities] = [new Map(), new Map()];
  return { run, below: [], events: [], dropped: 0, most, digest, runId: head.run, open, activities };
}

type Begun = Pick<Span, "kind" | "name" | "start" | "attributes">;

function begin(spans: Spans, what: string, span: Begun): void {
  if (spans.below.length + spans.events.length >= spans.most) {
    spans.dropped += 1;
    return;
  }
  const id = spanIdOf(spans.digest, spans.runId, what);
  const begun: Span = { ...span, id, parent: spans.run.id, end: null, status: "RUNNING", error: null };
  spans.below.push(begun);
  spans.open.set(what, begun);
}

function end(spans: Spans, what: string, at: Millis, o: { error?: string; attributes?: Attributes } = {}): void {
  const span = spans.open.get(what);
  if (!span) return;
  spans.open.delete(what);
  finish(span, at, o.error);
  Object.assign(span.attributes, o.attributes);
}

function finish(span: Span, at: Millis, error?: string): void {
  span.end = at;
  span.status = error === undefined ? "COMPLETED" : "FAILED";
  span.error = error === undefined ? null : cut(error);
}

function mention(spans: Spans, event: HistoryEvent, internal: boolean, attributes: Attributes = {}): void {
  if (spans.below.length + spans.events.length >= spans.most) spans.dropped += 1;
  else {
    const id = spanIdOf(spans.digest, spans.runId, `event ${event.id}`);
    spans.events.push({ id, name: event.kind, at: event.at, internal, attributes });
  }
}

function beginAttempt(spans: Spans, activity: number, attempt: number, at: Millis, where?: string): void {
  const known = spans.activities.get(activity);
  if (!known) return;
  known.attempt = attempt;
  known.retryAt = null;
  begin(spans, `activity ${activity} ${attempt}`, {
    kind: "activity",
    name: known.name,
    start: at,
    attributes: {
      "sirocco.activity": activity,
      "sirocco.attempt": attempt,
      ...(where !== undefined && { "sirocco.where": where === "queue" ? "queue" : "local" }),
    },
  });
}

function endAttempt(
  spans: Spans,
  e: { activity: number; attempt?: number; at: Millis },
  error?: string,
  reason?: string,
): void {
  const known = spans.activities.get(e.activity);
  if (!known) return;
  // A queue counts later attempts without a record of each; the last one is known by its end.
  const attempt = e.attempt ?? (known.retryAt === null ? known.attempt : known.attempt + 1);
  if (attempt > known.attempt) {
    end(spans, `activity ${e.activity} ${known.attempt}`, e.at);
    beginAttempt(spans, e.activity, attempt, Math.min(known.retryAt ?? e.at, e.at));
  }
  end(spans, `activity ${e.activity} ${attempt}`, e.at, {
    ...(error !== undefined && { error }),
    ...(reason !== undefined && { attributes: { "sirocco.reason": reason } }),
  });
}

/** Takes in the next events of the run. */
export function addSpans(spans: Spans, events: readonly HistoryEvent[]): void {
  for (const event of events) add(spans, event);
}

function add(spans: Spans, e: HistoryEvent): void {
  if (isClosing(e)) {
    close(spans, e);
    return;
  }
  switch (e.kind) {
    case "activity_scheduled":
      spans.activities.set(e.activity, { name: e.name, attempt: 0, retryAt: null });
      beginAttempt(spans, e.activity, 1, e.at, e.where);
      break;
    case "activity_attempt_started":
      beginAttempt(spans, e.activity, e.attempt, e.at, e.where);
      break;
    case "activity_attempt_failed": {
      endAttempt(spans, e, rootMessage(e.failure), e.reason);
      const known = spans.activities.get(e.activity);
      if (known) known.retryAt = e.retry_at;
      break;
    }
    case "activity_completed":
      endAttempt(spans, e);
      spans.activities.delete(e.activity);
      break;
    case "activity_failed":
      endAttempt(spans, e, rootMessage(e.failure), e.reason);
      spans.activities.delete(e.activity);
      break;
    case "timer_started":
      begin(spans, `timer ${e.timer}`, {
        kind: "timer",
        name: "timer",
        start: e.at,
        attributes: { "sirocco.timer": e.timer, "sirocco.fire_at": new Date(e.fire_at).toISOString() },
      });
      break;
    case "timer_fired":
      end(spans, `timer ${e.timer}`, e.at);
      break;
    case "timer_cancelled":
      end(spans, `timer ${e.timer}`, e.at, { attributes: { "sirocco.cancelled": true } });
      break;
    case "child_scheduled":
      begin(spans, `child ${e.child}`, {
        kind: "child",
        name: e.workflow,
        start: e.at,
        attributes: { "sirocco.child": e.child, "sirocco.child_execution": e.execution },
      });
      break;
    case "child_completed":
      end(spans, `child ${e.child}`, e.at);
      break;
    case "child_failed":
      end(spans, `child ${e.child}`, e.at, {
        error: rootMessage(e.failure),
        attributes: { "sirocco.child_status": e.status },
      });
      break;
    case "update_accepted":
      begin(spans, `update ${e.message}`, { kind: "update", name: e.name, start: e.at, attributes: {} });
      break;
    case "update_completed":
      end(spans, `update ${e.message}`, e.at);
      break;
    case "update_failed":
      end(spans, `update ${e.message}`, e.at, { error: rootMessage(e.failure) });
      break;
    case "custom_task":
      addTask(spans, e);
      break;
    case "signal_received":
      mention(spans, e, false, {
        "sirocco.signal": e.name,
        ...(e.ignored !== undefined && { "sirocco.ignored": cut(e.ignored) }),
      });
      break;
    case "cancel_requested":
      mention(spans, e, false, e.reason === null ? {} : { "sirocco.reason": cut(e.reason) });
      break;
    case "update_rejected":
      mention(spans, e, false, { "sirocco.update": e.name, "error.message": cut(rootMessage(e.failure)) });
      break;
    case "workflow_task_failed":
      mention(spans, e, true, { "error.message": cut(rootMessage(e.failure)) });
      break;
    case "patched":
      mention(spans, e, true, { "sirocco.patch": e.patch });
      break;
    case "search_keys_set":
      mention(spans, e, true);
      break;
    case "activity_cancel_requested":
      mention(spans, e, true, { "sirocco.activity": e.activity });
      break;
    case "child_cancel_requested":
      mention(spans, e, true, { "sirocco.child": e.child });
      break;
    case "execution_started":
      break;
  }
}

type TaskEvent = Extract<HistoryEvent, { kind: "custom_task" }>;

function addTask(spans: Spans, e: TaskEvent): void {
  const what = `task ${e.task}`;
  if (e.event === "in_progress") return;
  if (e.event === "started") {
    // Workflow code chooses the task's id and may use it again.
    const again = spans.open.has(what);
    if (again) end(spans, what, e.at);
    const kind = e.task_type === "wait_for_input" ? "wait" : "task";
    begin(spans, what, { kind, name: e.task_type, start: e.at, attributes: { "sirocco.task": cut(e.task) } });
    return;
  }
  if (e.event === "completed") {
    end(spans, what, e.at);
    return;
  }
  const text = e.attributes.error ?? e.attributes.message;
  end(spans, what, e.at, { error: typeof text === "string" ? text : `the task has ${e.event}` });
}

/** The closing event ends the run and all that is still open in it. */
function close(spans: Spans, e: Extract<HistoryEvent, { kind: keyof typeof CLOSING }>): void {
  for (const what of [...spans.open.keys()]) end(spans, what, e.at, { attributes: { "sirocco.ended_by": "close" } });
  const status = CLOSING[e.kind];
  spans.run.attributes["sirocco.status"] = status;
  const fine = status === "COMPLETED" || status === "CONTINUED_AS_NEW";
  finish(spans.run, e.at, fine ? undefined : e.kind === "execution_failed" ? rootMessage(e.failure) : status);
}
