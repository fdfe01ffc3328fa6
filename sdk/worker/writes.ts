/**
 * The batches that the executions of one worker record, joined into few calls.
 *
 * JOIN-1. Appends and closes that are ready at the same moment, or that wait while two calls are under way, travel in one call of
 *     `append`, because the server spends more on a request than on a batch. A close without company is a call of `close`. So is
 *     one that ends children, because they may be many and the others would wait for them, and each one if the server
 *     has not said at the registration that it takes closes in other calls (`joins_closes`).
 * JOIN-2. An answer without the results of the closes comes from an older server, which took the place of the one that registered the
 *     worker, and has closed none of the runs. The worker closes each of them by a call of its own, and joins no closes until it
 *     registers again.
 */
import { steadyOf } from "../../shared/lib/clock.ts";
import type { AppendItem, AppendResult, CloseItem, CloseResult } from "../../shared/protocol/worker.ts";
import { atMostBytes, payloadBytes } from "../json.ts";
import { Batcher } from "./batcher.ts";
import type { ServerClock } from "./server-clock.ts";
import { mayBeOneItem, refusedFor } from "./transport.ts";
import type { WorkerContext } from "./types.ts";

/** A value that cannot be larger than this counts with an upper bound: its exact size would cost more to find. */
const LIGHT_BYTES = 16 * 1024;

function weightOf(value: unknown): number {
  const most = atMostBytes(value);
  return most <= LIGHT_BYTES ? most : payloadBytes(value);
}

type Write = AppendItem | CloseItem;
type Written = AppendResult | CloseResult;

const isClose = (item: Write): item is CloseItem => "outbox" in item;

const weigh = (item: Write): number => weightOf(item.batch) + (isClose(item) ? weightOf(item.carried) : 0);

export class Writes {
  /** The answers are of the kind of their items. */
  readonly #batcher: Batcher<Write, Written>;
  readonly #worker: WorkerContext;
  readonly #serverClock: ServerClock;
  #joinsCloses = false;

  constructor(worker: WorkerContext, serverClock: ServerClock) {
    this.#worker = worker;
    this.#serverClock = serverClock;
    this.#batcher = new Batcher((items) => this.#send(items), { weigh, mayBeOneItem });
  }

  /** What a registration was told (JOIN-1). */
  joinCloses(joins: boolean): void {
    this.#joinsCloses = joins;
  }

  append(item: AppendItem): Promise<AppendResult> {
    return this.#batcher.offer(item) as Promise<AppendResult>;
  }

  close(item: CloseItem): Promise<CloseResult> {
    const joins = this.#joinsCloses && item.outbox.length === 0;
    return joins ? (this.#batcher.offer(item) as Promise<CloseResult>) : this.#closeAlone(item);
  }

  async #closeAlone(item: CloseItem): Promise<CloseResult> {
    try {
      return await this.#worker.transport.call("close", item);
    } catch (error) {
      const refused = refusedFor(error);
      if (refused) return refused;
      throw error;
    }
  }

  async #send(items: Write[]): Promise<Written[]> {
    const [first] = items;
    if (items.length === 1 && isClose(first!)) return [await this.#closeAlone(first)];
    const closes = items.filter(isClose);
    const appends = items.filter((item) => !isClose(item));
    const [appended, closed] = await this.#call(appends, closes);
    return items.map((item) => (isClose(item) ? closed.shift()! : appended.shift()!));
  }

  async #call(items: AppendItem[], closes: CloseItem[]): Promise<[AppendResult[], CloseResult[]]> {
    const { clock, transport } = this.#worker;
    try {
      const sent = steadyOf(clock);
      const answer = await transport.call("append", closes.length === 0 ? { items } : { items, closes });
      this.#serverClock.synchronise(answer.now, sent);
      if (closes.length === 0 || answer.closed) return [answer.results, answer.closed ?? []];
      this.#joinsCloses = false; // JOIN-2
      return [answer.results, await Promise.all(closes.map((item) => this.#closeAlone(item)))];
    } catch (error) {
      const refused = refusedFor(error);
      if (refused && items.length === 1 && closes.length === 0) return [[refused], []];
      throw error;
    }
  }
}
