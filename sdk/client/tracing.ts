/** Spans of a client for the user's OpenTelemetry SDK: the span of the run that a start begins is below the span of the start. */
import { VERSION } from "../../shared/protocol/version.ts";

/** What the client uses of `@opentelemetry/api`: give the package itself. */
export interface OpenTelemetry {
  readonly trace: { getTracer(name: string, version?: string): Tracer };
}
interface Tracer {
  startSpan(name: string, options?: { kind?: number; attributes?: Record<string, string> }): Span;
}
interface Span {
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number };
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** `SpanKind.CLIENT` and `SpanStatusCode.ERROR` of the API. */
const CLIENT = 2;
const ERROR = 2;

/** Runs `work` in a span, below the active one. `traceparent`: of the span, in the form of W3C; absent: nothing takes spans. */
export async function tracedStart<T>(
  api: OpenTelemetry | undefined,
  workflow: string,
  work: (traceparent?: string) => Promise<T>,
): Promise<T> {
  if (!api) return work();
  const attributes = { "sirocco.workflow": workflow };
  const span = api.trace
    .getTracer("@sirocco/sdk", VERSION)
    .startSpan(`start ${workflow}`, { kind: CLIENT, attributes });
  try {
    const { traceId, spanId, traceFlags } = span.spanContext();
    if (/^0*$/.test(traceId)) return await work(); // no SDK is configured
    return await work(`00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`);
  } catch (error) {
    span.setStatus({ code: ERROR, message: error instanceof Error ? error.message : String(error) });
    throw error;
  } finally {
    span.end();
  }
}
