/**
 * Sends what workflow code and activities log to the server, in groups.
 *
 * SHIP-1. A log call neither fails nor waits: the record goes into a buffer of bounded size. Records beyond it are dropped and
 *     counted, and the server shows the count.
 * SHIP-2. One call at a time, a second after the first record. A call that failed is repeated with the same ids, so that the
 *     server takes each group once (LOGRECORD-3). The records of a worker that is killed meanwhile are lost.
 * SHIP-3. Workflow code's records are sent once their step is recorded, so that a step that another worker repeats logs once.
 * SHIP-4. Of a run that is full (LOGRECORD-2) the worker only counts, and reports the count now and then.
 */
import { LruCache } from "../../shared/lib/lru-cache.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import { MAX_LOG_DELAY_MS, MAX_LOG_GROUP_RECORDS, MAX_LOG_GROUPS } from "../../shared/protocol/limits.ts";
import { LOG_LEVELS, type LogLevel, type LogRecord } from "../../shared/protocol/log-records.ts";
import type { WorkerBody } from "../../shared/protocol/worker.ts";
import { recordOf, type Said } from "./log-record.ts";
import { ServerRefusal } from "./transport.ts";
import type { WorkerContext } from "./types.ts";

const GATHER_MS: Millis = 1_000;
const REPORT_FULL_MS: Millis = 30_000;
const TIMEOUT_MS: Millis = 10_000;
const FIRST_PAUSE_MS: Millis = 1_000;
const LONGEST_PAUSE_MS: Millis = 30_000;
/** Between two warnings that records are not sent. */
const WARN_AGAIN_MS: Millis = 60_000;
/** SHIP-1. Characters of JSON, about. */
const MOST_BUFFERED = 4 * 2 ** 20;
/** Of one group, and of one call: the server takes 256 KiB of a group, in which a character may have three bytes. */
const GROUP_CHARACTERS = 80_000;
const CALL_CHARACTERS = 500_000;

type Item = WorkerBody<"logs">["items"][number];
type ShippingWorker = Pick<WorkerContext, "transport" | "clock" | "log" | "uuid">;
interface Buffer {
  readonly execution: string;
  readonly run: string;
  records: { readonly record: LogRecord; readonly size: number }[];
  dropped: number;
}

export interface LogSink {
  readonly least: LogLevel;
  add(of: { execution: string; run: string }, said: Said, activity?: LogRecord["activity"]): void;
}

export class LogShipper implements LogSink {
  readonly least: LogLevel;
  readonly #worker: ShippingWorker;
  readonly #name: string;
  /** By run. */
  readonly #buffers = new Map<string, Buffer>();
  #size = 0;
  /** SHIP-4. */
  readonly #full = new LruCache<true>(10_000);
  #timer: { readonly at: Millis; cancel(): void } | null = null;
  #sending: Promise<void> | null = null;
  #closing = false;
  #off = false;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #endPause: (() => void) | null = null;

  constructor(worker: ShippingWorker, name: string, least: LogLevel) {
    this.#worker = worker;
    this.#name = name;
    this.least = least;
  }

  add({ execution, run }: { execution: string; run: string }, said: Said, activity?: LogRecord["activity"]): void {
    if (this.#off || LOG_LEVELS.indexOf(said.level) < LOG_LEVELS.indexOf(this.least)) return;
    let buffer = this.#buffers.get(run);
    if (!buffer) {
      buffer = { execution, run, records: [], dropped: 0 };
      this.#buffers.set(run, buffer);
    }
    const isFull = this.#full.get(run) !== undefined;
    if (isFull || this.#size >= MOST_BUFFERED) buffer.dropped += 1;
    else {
      const record = recordOf(said, activity);
      const size = sizeOf(record);
      buffer.records.push({ record, size });
      this.#size += size;
    }
    this.#arm(isFull ? REPORT_FULL_MS : GATHER_MS);
  }

  #arm(ms: Millis): void {
    const at = this.#worker.clock.now() + ms;
    if (this.#sending || (this.#timer && this.#timer.at <= at)) return;
    this.#timer?.cancel();
    const cancel = this.#worker.clock.at(at, () => {
      this.#timer = null;
      void this.#send();
    });
    this.#timer = { at, cancel };
  }

  /** Sends what waits, for `ms` at most. */
  async close(ms: Millis): Promise<void> {
    this.#closing = true;
    this.#endPause?.();
    this.#timer?.cancel();
    this.#timer = null;
    const { clock } = this.#worker;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = clock.at(clock.now() + ms, resolve);
    await Promise.race([this.#send(), late]);
    cancel();
    this.abandon();
  }

  /** Forgets what waits. */
  abandon(): void {
    this.#off = true;
    this.#timer?.cancel();
    this.#endPause?.();
    this.#buffers.clear();
  }

  #send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null;
      if (this.#buffers.size > 0 && !this.#off) this.#arm(GATHER_MS);
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (let items = this.#take(); items.length > 0; items = this.#take()) {
      if (!(await this.#deliver(items))) return;
    }
  }

  /** The next call: the beginning of each buffer, as far as one call may hold. */
  #take(): Item[] {
    const items: Item[] = [];
    let room = CALL_CHARACTERS;
    for (const [run, buffer] of this.#buffers) {
      if (items.length === MAX_LOG_GROUPS || room <= 0) break;
      let n = 0;
      let size = 0;
      while (n < Math.min(buffer.records.length, MAX_LOG_GROUP_RECORDS) && size < Math.min(room, GROUP_CHARACTERS)) {
        size += buffer.records[n]!.size;
        n += 1;
      }
      const records = buffer.records.splice(0, n).map(({ record }) => record);
      const isEmpty = buffer.records.length === 0;
      const { execution, dropped } = buffer;
      items.push({ execution, run, id: this.#worker.uuid(), records, dropped: isEmpty ? dropped : 0 });
      if (isEmpty) this.#buffers.delete(run);
      room -= size;
      this.#size -= size;
    }
    return items;
  }

  /** SHIP-2. False: the worker stops. */
  async #deliver(items: Item[]): Promise<boolean> {
    const { transport, clock } = this.#worker;
    const began = clock.now();
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        const { full } = await transport.call(
          "logs",
          { worker: this.#name, items },
          { retry: false, timeoutMs: TIMEOUT_MS },
        );
        for (const run of full) this.#full.set(run, true);
        return true;
      } catch (error) {
        if (error instanceof ServerRefusal) return this.#refused(error);
        if (this.#closing || this.#off) return false;
        if (clock.now() - began + pause >= MAX_LOG_DELAY_MS) return this.#giveUp(items, error);
        if (pause >= 4 * FIRST_PAUSE_MS) this.#warn("log records wait: the server cannot take them", error);
        await new Promise<void>((ok) => {
          const cancel = clock.at(clock.now() + pause, ok);
          this.#endPause = () => {
            cancel();
            ok();
          };
        });
        this.#endPause = null;
      }
    }
  }

  #refused(error: ServerRefusal): boolean {
    if (error.status === 404) {
      this.#warn("the server takes no log records: they are not sent any more", error);
      this.abandon();
      return false;
    }
    this.#warn("log records were not taken and are dropped", error);
    return true;
  }

  #giveUp(items: readonly Item[], error: unknown): boolean {
    this.#warn("log records are dropped: the server did not take them for ten minutes", error);
    for (const { execution, run, records, dropped } of items) {
      const buffer = this.#buffers.get(run) ?? { execution, run, records: [], dropped: 0 };
      buffer.dropped += records.length + dropped;
      this.#buffers.set(run, buffer);
    }
    return true;
  }

  #warn(message: string, error: unknown): void {
    const now = this.#worker.clock.now();
    if (now < this.#warnedAt + WARN_AGAIN_MS) return;
    this.#warnedAt = now;
    this.#worker.log.warn(message, { error });
  }
}

function sizeOf({ body, attributes = {} }: LogRecord): number {
  let size = 100 + body.length;
  for (const [key, value] of Object.entries(attributes)) size += key.length + value.length + 6;
  return size;
}
