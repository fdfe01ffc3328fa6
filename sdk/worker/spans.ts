/**
 * Spans of this worker for the user's OpenTelemetry SDK, in the trace that the server derives from the history.
 *
 * SPAN-1. The derived span is the parent: OpenTelemetry lets no program choose the id of a span, so the worker's spans have ids of
 *     their own, below the derived ones. Their trace id is the same.
 * SPAN-2. Without `@opentelemetry/api`, an optional peer, or without a configured SDK, there are no spans.
 */
import type { Head } from "../../shared/protocol/head.ts";

/** The trace of a run, as its head has it. */
export type TraceOf = Pick<Head, "trace" | "root_chain">;

export interface SpanOf {
  readonly trace: TraceOf;
  readonly run: string;
  /** As in `activity 3 1`: names the derived span; absent = that of the run. */
  readonly what?: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number>>;
}

export interface WorkerSpan {
  /** Runs `fn` in the span: spans of the libraries that it calls are below it. */
  run<T>(fn: () => T): T;
  /** Once; a message of what went wrong makes it an error. */
  end(error?: string): void;
}

export interface WorkerSpans {
  /** SPAN-2. False: nothing takes spans now, and callers begin none. Hashes and attributes of a span cost more than a step. */
  readonly active: boolean;
  begin(of: SpanOf): WorkerSpan;
}

/** Of a worker without OpenTelemetry. */
export const NO_SPAN: WorkerSpan = { run: (fn) => fn(), end() {} };
