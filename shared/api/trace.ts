/**
 * The trace of an execution's latest run, in the four forms of the API. It is derived from the history at each call (TRACE-1).
 * The time and the size of an answer are bounded: an attribute of the run's span says what is left out.
 */
import { createHash } from "node:crypto";
import { traceIdOf } from "../core/trace/context.ts";
import { otelAttributes, otelSpan, shownAttributes } from "../core/trace/otel.ts";
import type { Span, Spans } from "../core/trace/spans.ts";
import { readSpans } from "../engine/read-spans.ts";
import { isRefusal, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { VERSION } from "../protocol/version.ts";
import { withResult } from "./execution-view.ts";
import { headOf, workflowIdOf } from "./executions.ts";
import type { RequestContext } from "./request-context.ts";

/** Below the 29 s after which API Gateway gives up. */
const READ_MS: Millis = 15_000;
/** Spans and events of one answer: with them it stays below 5 MB. */
const MOST_SPANS = 4_000;

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

export async function traceInfo(
  context: RequestContext,
  execution: string,
): Promise<ResponseOf<"getWorkflowExecutionTraceInfo"> | Refusal> {
  const head = await headOf(context, execution);
  if (isRefusal(head)) return head;
  return { otel_trace_id: traceIdOf(head, digest), has_trace_data: true };
}

export async function traceOtel(
  context: RequestContext,
  execution: string,
): Promise<ResponseOf<"getWorkflowExecutionTraceOtel"> | Refusal> {
  const read = await readTrace(context, execution);
  if (isRefusal(read)) return read;
  const { head, spans } = read;
  const trace = traceIdOf(head, digest);
  const now = context.ports.clock.now();
  const resource = { "service.name": head.deployment, "telemetry.sdk.name": "sirocco" };
  const shown = [spans.run, ...spans.below].map((span) => otelSpan(trace, span, spans, now));
  return {
    ...(await fieldsOf(context, head)),
    data_source: "history",
    otel_trace_id: trace,
    otel_trace_data: {
      batches: [
        {
          resource: { attributes: otelAttributes(resource) },
          scopeSpans: [{ scope: { name: `sirocco/${VERSION}` }, spans: shown }],
        },
      ],
    },
  };
}

export async function traceSummary(
  context: RequestContext,
  execution: string,
): Promise<ResponseOf<"getWorkflowExecutionTraceSummary"> | Refusal> {
  const read = await readTrace(context, execution);
  if (isRefusal(read)) return read;
  const { head, spans } = read;
  return {
    ...(await fieldsOf(context, head)),
    span_tree: {
      ...summarySpan(spans.run),
      events: spans.events.map((event) => traceEvent(event)),
      children: spans.below.map((span) => summarySpan(span)),
    },
  };
}

type EventsAnswer = ResponseOf<"getWorkflowExecutionTraceEvents">;

/** A span is one event when it begins and one of the same id when it has ended; `merge_same_id_events`: only the latest. */
export async function traceEvents(
  context: RequestContext,
  execution: string,
  q: QueryOf<"getWorkflowExecutionTraceEvents">,
): Promise<EventsAnswer | Refusal> {
  const read = await readTrace(context, execution);
  if (isRefusal(read)) return read;
  const { head, spans } = read;
  const events: EventsAnswer["events"] = [
    ...[spans.run, ...spans.below].flatMap((span) => {
      const latest = progress(span);
      const began = { ...progress({ ...span, end: null, status: "RUNNING", error: null }) };
      return q.merge_same_id_events || span.end === null ? [latest] : [began, latest];
    }),
    ...spans.events.map((event) => traceEvent(event)),
  ];
  const wanted = q.include_internal_events ? events : events.filter(({ internal }) => !internal);
  return {
    ...(await fieldsOf(context, head)),
    events: wanted.sort((a, b) => a.timestamp_unix_nano - b.timestamp_unix_nano),
  };
}

async function fieldsOf(context: RequestContext, head: Head) {
  const o = { searchKeys: true, now: context.ports.clock.now() };
  return withResult(head, await workflowIdOf(context, head.workflow), o);
}

async function readTrace(context: RequestContext, execution: string): Promise<{ head: Head; spans: Spans } | Refusal> {
  const head = await headOf(context, execution);
  if (isRefusal(head)) return head;
  return { head, spans: await readSpans(context.ports, head, digest, { most: MOST_SPANS, forMs: READ_MS }) };
}

/** Microseconds, in fields whose names say nanoseconds: those are beyond exact JavaScript numbers. */
const micros = (ms: Millis): number => ms * 1000;

const summarySpan = (span: Span) => ({
  span_id: span.id,
  name: span.name,
  start_time_unix_nano: micros(span.start),
  end_time_unix_nano: span.end === null ? null : micros(span.end),
  attributes: shownAttributes(span),
  events: [],
  children: [],
});

const traceEvent = (event: Spans["events"][number]) => ({
  type: "EVENT" as const,
  id: event.id,
  name: event.name,
  timestamp_unix_nano: micros(event.at),
  attributes: event.attributes,
  internal: event.internal,
});

const progress = (span: Span) => ({
  type: "EVENT_PROGRESS" as const,
  id: span.id,
  name: span.name,
  timestamp_unix_nano: micros(span.end ?? span.start),
  attributes: shownAttributes(span),
  internal: span.kind === "timer",
  status: span.status,
  start_time_unix_ms: span.start,
  end_time_unix_ms: span.end,
  error: span.error,
});
