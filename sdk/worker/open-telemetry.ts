/** The spans of a worker through the API of OpenTelemetry. Only `runWorker` loads this: the worker core of other languages has none. */
import { createHash } from "node:crypto";
import type * as Api from "@opentelemetry/api";
import { spanIdOf, traceIdOf } from "../../shared/core/trace/context.ts";
import { VERSION } from "../../shared/protocol/version.ts";
import type { WorkerSpans } from "./spans.ts";

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** SPAN-2. Null: the package is not there. */
export async function workerSpans(): Promise<WorkerSpans | null> {
  try {
    return spansOf(await import("@opentelemetry/api"));
  } catch {
    return null;
  }
}

const NAME = "@sirocco/sdk";

function spansOf(api: typeof Api): WorkerSpans {
  const { context, trace, ProxyTracerProvider, ROOT_CONTEXT, SpanStatusCode, TraceFlags } = api;
  const tracer = trace.getTracer(NAME, VERSION);
  return {
    get active() {
      const provider = trace.getTracerProvider();
      // The API answers its proxy with and without an SDK. A program may configure one at any time.
      return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(NAME, VERSION) !== undefined;
    },
    begin({ trace: of, run, what, name, attributes }) {
      const parent = trace.setSpanContext(ROOT_CONTEXT, {
        traceId: traceIdOf(of, digest),
        spanId: spanIdOf(digest, run, what),
        traceFlags: TraceFlags.SAMPLED,
        isRemote: true,
      });
      const span = tracer.startSpan(name, { attributes }, parent);
      const own = trace.setSpan(parent, span);
      let ended = false;
      return {
        run: (fn) => context.with(own, fn),
        end(error) {
          if (ended) return;
          ended = true;
          if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
          span.end();
        },
      };
    },
  };
}
