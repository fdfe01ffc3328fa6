/**
 * Sends the spans of closed runs to a collector, as OTLP/HTTP with JSON.
 *
 * EXPORT-1. The export holds nothing up: runs wait in a queue of bounded size, and what does not fit is dropped and logged.
 * EXPORT-2. A request that fails is repeated with back-off, a few times. The ids of spans are the same at each try, so a
 *     collector that knows spans by their ids stores them once.
 * EXPORT-3. Runs that wait when the process ends are not exported: the trace can be read from the API as before.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { traceIdOf } from "../core/trace/context.ts";
import { otelAttributes, otelSpan } from "../core/trace/otel.ts";
import { readSpans } from "../engine/read-spans.ts";
import type { Ports, Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { VERSION } from "../protocol/version.ts";

export interface OtlpOptions {
  /** Address of the collector, such as `http://127.0.0.1:4318`; `/v1/traces` follows unless it ends with that. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests for the same spans. Default 5. */
  readonly tries?: number;
  /** Before the first repetition, ms; twice as long before each further one. Default 1 s. */
  readonly pauseMs?: Millis;
  /** Of one request, ms. Default 10 s. */
  readonly timeoutMs?: Millis;
}

export interface ClosedRun {
  readonly ref: Ref;
  readonly run: string;
}

const MOST_WAITING = 1_000;
const RUNS_AT_ONCE = 50;
const SPANS_AT_ONCE = 2_000;
const MOST_SPANS = 4_000;
const READ_MS: Millis = 5_000;
const WARN_AGAIN_MS: Millis = 60_000;

type ExporterPorts = Pick<Ports, "executions" | "clock" | "pause" | "log">;
type OtelSpan = ReturnType<typeof otelSpan> & { readonly error: string | null };
interface ResourceSpans {
  readonly deployment: string;
  readonly spans: readonly OtelSpan[];
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

export class TraceExporter {
  readonly #ports: ExporterPorts;
  readonly #o: Required<OtlpOptions>;
  #waiting: ClosedRun[] = [];
  #working: Promise<void> | null = null;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #dropped = 0;
  readonly #stopping = new AbortController();

  constructor(ports: ExporterPorts, options: OtlpOptions) {
    this.#ports = ports;
    const url = options.url.replace(/\/+$/, "");
    this.#o = {
      headers: {},
      tries: 5,
      pauseMs: 1_000,
      timeoutMs: 10_000,
      ...options,
      url: url.endsWith("/v1/traces") ? url : `${url}/v1/traces`,
    };
  }

  /** EXPORT-1. */
  add(closed: ClosedRun): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#waiting.length >= MOST_WAITING) {
      this.#drop(1, "too many runs wait for the collector");
      return;
    }
    this.#waiting.push(closed);
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
  }

  /** Resolves once nothing waits. */
  async flush(): Promise<void> {
    while (this.#working) await this.#working;
  }

  stop(): void {
    this.#waiting = [];
    this.#stopping.abort();
  }

  async #work(): Promise<void> {
    await Promise.resolve(); // the caller goes on first
    while (this.#waiting.length > 0) {
      const runs = this.#waiting.splice(0, RUNS_AT_ONCE);
      let batch: ResourceSpans[] = [];
      let size = 0;
      for (const closed of runs) {
        const read = await this.#spansOf(closed).catch((error) => this.#drop(1, "a history could not be read", error));
        if (!read) continue;
        batch.push(read);
        size += read.spans.length;
        if (size < SPANS_AT_ONCE) continue;
        await this.#send(batch);
        batch = [];
        size = 0;
      }
      if (batch.length > 0) await this.#send(batch);
    }
  }

  async #spansOf({ ref, run }: ClosedRun): Promise<ResourceSpans | null> {
    // The read by the run's id may lag.
    const latest = await this.#ports.executions.head(ref);
    const head = latest?.run === run ? latest : await this.#ports.executions.run(ref.workspace, run);
    if (!head) return null;
    const spans = await readSpans(this.#ports, head, digest, { most: MOST_SPANS, forMs: READ_MS });
    const trace = traceIdOf(head, digest);
    const now = this.#ports.clock.now();
    const all = [spans.run, ...spans.below];
    return {
      deployment: head.deployment,
      spans: all.map((span) => ({ ...otelSpan(trace, span, spans, now), error: span.error })),
    };
  }

  /** EXPORT-2. */
  async #send(batch: readonly ResourceSpans[]): Promise<void> {
    const { url, headers, tries, pauseMs, timeoutMs } = this.#o;
    const body = JSON.stringify(requestOf(batch));
    const { signal } = this.#stopping;
    for (let attempt = 1; ; attempt++) {
      let problem: string;
      try {
        const response = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body,
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        });
        await response.body?.cancel();
        if (response.ok) return;
        problem = `it answered ${response.status}`;
        if (response.status < 500 && response.status !== 429 && response.status !== 408) {
          this.#drop(batch.length, `the collector refuses them: ${problem}`);
          return;
        }
      } catch (error) {
        problem = (error as { cause?: Error }).cause?.message ?? (error as Error).message;
      }
      if (signal.aborted) return;
      if (attempt >= tries) {
        this.#drop(batch.length, `the collector cannot be reached: ${problem}`);
        return;
      }
      await delay(pauseMs * 2 ** (attempt - 1), undefined, { signal, ref: false }).catch(() => {});
    }
  }

  #drop(runs: number, why: string, error?: unknown): null {
    this.#dropped += runs;
    const now = this.#ports.clock.now();
    if (now < this.#warnedAt + WARN_AGAIN_MS) return null;
    this.#warnedAt = now;
    const fields = { runs: this.#dropped, url: this.#o.url, ...(error !== undefined && { error }) };
    this.#ports.log.warn(`traces: runs were not exported, ${why}`, fields);
    this.#dropped = 0;
    return null;
  }
}

/** OTLP has numbers for the kinds of spans, a status of its own, and no null. */
const KINDS: Record<string, number> = { SPAN_KIND_INTERNAL: 1, SPAN_KIND_SERVER: 2, SPAN_KIND_CLIENT: 3 };
const ERROR = 2;

function requestOf(batch: readonly ResourceSpans[]) {
  return {
    resourceSpans: batch.map(({ deployment, spans }) => ({
      resource: { attributes: otelAttributes({ "service.name": deployment, "telemetry.sdk.name": "sirocco" }) },
      scopeSpans: [
        {
          scope: { name: "sirocco", version: VERSION },
          spans: spans.map(({ parentSpanId, kind, error, ...span }) => ({
            ...span,
            ...(parentSpanId !== null && { parentSpanId }),
            kind: KINDS[kind] ?? 1,
            status: error === null ? {} : { code: ERROR, message: error },
          })),
        },
      ],
    })),
  };
}
