/** The consumer of the change stream: appends to the feed, and sends the traces of the runs that closed to a collector. */
import { lazily } from "../aws/clients.ts";
import type { Context } from "../aws/context.ts";
import type { LeftOut } from "../aws/feed-placeholders.ts";
import { type Change, FeedWriter } from "../aws/feed-writer.ts";

import type { Clock, Ports } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { OtlpOptions, TraceExporter } from "./trace-exporter.ts";

/** What the collector has not taken by then waits in memory for the next invocation of the process, if there is one. */
const EXPORT_MS: Millis = 8_000;

export class Feeding {
  readonly #writer: FeedWriter;
  readonly #exporter: () => Promise<TraceExporter | undefined>;
  readonly #clock: Clock;

  /** `deadLetters`: URL of the queue for what cannot be read. */
  constructor(c: Context, ports: Ports, o: { otlp?: OtlpOptions | undefined; deadLetters?: string | undefined }) {
    this.#clock = c.clock;
    let exporter: TraceExporter | undefined;
    this.#exporter = lazily(async () => {
      if (o.otlp) exporter = new (await import("./trace-exporter.ts")).TraceExporter(ports, o.otlp);
      return exporter;
    });
    this.#writer = new FeedWriter(c, { onClosed: (closed) => exporter?.add(closed), deadLetters: o.deadLetters });
  }

  take(changes: readonly Change[], o?: { late?: boolean }): Promise<string[]> {
    return this.#exporting(() => this.#writer.take(changes, o));
  }

  refill(of: Pick<LeftOut, "from" | "at">) {
    return this.#exporting(() => this.#writer.refill(of));
  }

  async #exporting<T>(work: () => Promise<T>): Promise<T> {
    const exporter = await this.#exporter();
    const answer = await work();
    // Lambda stops the process after the invocation.
    if (exporter) await within(this.#clock, EXPORT_MS, exporter.flush());
    return answer;
  }
}

/** Resolves when `work` has, or after `ms`. */
async function within(clock: Clock, ms: Millis, work: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const cancel = clock.at(clock.now() + ms, resolve);
  await Promise.race([work, late]);
  cancel();
}
