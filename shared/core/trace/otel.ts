/** Spans in the form of OpenTelemetry's JSON. */
import type { Millis } from "../../protocol/history.ts";
import type { Attributes, Span, Spans } from "./spans.ts";

const nanos = (ms: Millis): string => `${ms}000000`;

export function shownAttributes(span: Span): Attributes {
  return {
    "sirocco.kind": span.kind,
    ...span.attributes,
    ...(span.end === null && { "sirocco.open": true }),
    ...(span.error !== null && { "otel.status_code": "ERROR", "error.message": span.error }),
  };
}

/** OTLP has no form for a span without an end: that of an open one is the present time. */
export function otelSpan(trace: string, span: Span, spans: Spans, now: Millis) {
  const events = span === spans.run ? spans.events : [];
  return {
    traceId: trace,
    spanId: span.id,
    parentSpanId: span.parent,
    name: span.name,
    kind: KINDS[span.kind] ?? "SPAN_KIND_INTERNAL",
    startTimeUnixNano: nanos(span.start),
    endTimeUnixNano: nanos(span.end ?? Math.max(now, span.start)),
    attributes: otelAttributes(shownAttributes(span)),
    events: events.map((e) => ({ name: e.name, timeUnixNano: nanos(e.at), attributes: otelAttributes(e.attributes) })),
  };
}
const KINDS: Partial<Record<Span["kind"], string>> = { execution: "SPAN_KIND_SERVER", child: "SPAN_KIND_CLIENT" };

export const otelAttributes = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: otelValue(value) }));

function otelValue(value: Attributes[string]) {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
