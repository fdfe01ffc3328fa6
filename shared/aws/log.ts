/**
 * The log of a run: one item per batch, keyed by its first event.
 *
 * LOG-1. A batch is one conditional put at its position. A failed condition answers the batch that has the position,
 *     without a read of DynamoDB.
 * LOG-2. The condition sees one key alone. Before the put, the log's end says whether the position follows the last batch
 *     and is not inside one: mostly from memory (the end of a batch never changes), else by one read.
 * LOG-3. Each batch carries the facts that the next one needs: the bytes of the log so far, its expiry, whether any batch
 *     has an object in S3, the retries of activities, which the feed's consumer counts when the run closes, and the units
 *     that the run's batches have used (COST-1).
 * LOG-4. The log of a run with a deadline is written with the expiry `deadline + retention + a day`, which costs nothing.
 *     The run is closed long before that, because the sweeper closes runs past their deadline. The log of a run without a
 *     deadline has no expiry until the run closes. `retention.ts` gives it one then, at one write unit per batch.
 * LOG-5. A worker is told the end of the log with its claim and with each batch, and sends it back with the next one, so
 *     that a step needs no read whichever process serves it. A worker can deceive nobody but itself with it: the batches
 *     are its own, and the put still takes a free position only.
 * LOG-6. A run may close in one write of its head, which holds the closing batch then, if nothing but its owner can write to
 *     its log: the fence is that of the first claim and the run was never parked, so no other worker has claimed it, no
 *     message has come, and the owner sends one call after another. (After a call without an answer it claims again.)
 *     Every other close is a transaction with the batch at its position, which loses to a batch there. Readers look into
 *     the head before they read the log: a head without a closing batch is read before an open end of the log.
 */

import { LruCache } from "../lib/lru-cache.ts";
import { storedBatch } from "../lib/stored.ts";
import type { LogPart, Ref } from "../ports.ts";
import type { Batch, Millis } from "../protocol/history.ts";
import { closingIn } from "./closing-batch.ts";
import type { Context } from "./context.ts";
import { isTombstone } from "./heads.ts";
import { firstOf, headKey, logKey, pkOf, runKey, ttlSeconds } from "./keys.ts";
import { type LogEnd, logEndOf } from "./log-end.ts";
import { expireValue, unpackText, upload } from "./pack.ts";
import { ABSENT, type Item, number, text, within } from "./table.ts";

export type Position = { kind: "free"; end: LogEnd } | { kind: "taken"; by: Batch | null };

const DAY: Millis = 86_400_000;
export class Log {
  readonly #c: Context;
  readonly #known = new LruCache<LogEnd>(20_000);
  /** Runs whose log has all batches, and always will. */
  readonly #whole = new LruCache<true>(20_000);

  constructor(c: Context) {
    this.#c = c;
  }

  /** LOG-2. After `free` the put may still lose to another writer. */
  async position(ref: Ref, run: string, first: number): Promise<Position> {
    const known = this.#known.get(idOf(ref, run));
    if (known?.tail === first - 1) return { kind: "free", end: known };
    const item = first === 2 || !this.#whole.get(idOf(ref, run)) ? await this.#item(ref, run) : null;
    const closing = item && closingIn(item);
    if (closing && firstOf(text(closing, "sk")!) <= first) {
      const isThere = firstOf(text(closing, "sk")!) === first;
      return { kind: "taken", by: isThere ? await this.#batch(closing) : null };
    }
    if (first === 2) return item ? { kind: "free", end: this.#emptyLogEnd(item) } : { kind: "taken", by: null };
    const sort = { from: logKey(ref, run, 2).sk, to: logKey(ref, run, first).sk };
    const last = await this.#c.tables.executions.first({ ...within(pkOf(ref), sort), ScanIndexForward: false });
    if (!last) return { kind: "taken", by: null };
    if (firstOf(text(last, "sk")!) === first) return { kind: "taken", by: await this.#batch(last) };
    const end = logEndOf(last);
    return end.tail === first - 1 ? { kind: "free", end } : { kind: "taken", by: null };
  }

  /** The item of the run, null = the execution has no such run. */
  async #item(ref: Ref, run: string): Promise<Item | null> {
    const { executions } = this.#c.tables;
    const head = await executions.get(headKey(ref));
    const isLatest = head && text(head, "run") === run;
    const item = isLatest ? head : head && isTombstone(head) ? null : await executions.get(runKey(ref, run));
    if (item) this.#noteWhole(ref, item);
    return item;
  }

  #noteWhole(ref: Ref, item: Item): void {
    if (closingIn(item) === null) this.#whole.set(idOf(ref, text(item, "run")!), true);
  }

  /** LOG-6. Null = none, or none yet. Before a read of the log. */
  async closing(ref: Ref, run: string): Promise<Item | null> {
    if (this.#whole.get(idOf(ref, run))) return null;
    const item = await this.#item(ref, run);
    return (item && closingIn(item)) ?? null;
  }

  /** `head`: the item of the run. */
  #emptyLogEnd(head: Item): LogEnd {
    return this.emptyLogEnd({ deadline: number(head, "deadline") ?? null, bytes: number(head, "base") ?? 0 });
  }

  emptyLogEnd({ deadline, bytes }: { deadline: Millis | null; bytes: number }): LogEnd {
    const ttl = deadline === null ? undefined : ttlSeconds(deadline + this.#c.settings.retentionMs + DAY);
    return { tail: 1, bytes, ttl, blobs: false, retries: 0, used: undefined };
  }

  /** From the item of a run, so that the put of its first batch needs no read. */
  remember(ref: Ref, head: Item): void {
    const id = idOf(ref, text(head, "run")!);
    const closing = closingIn(head);
    if (closing) this.#known.set(id, logEndOf(closing));
    else if (this.#known.get(id) === undefined) this.#known.set(id, this.#emptyLogEnd(head));
    this.#noteWhole(ref, head);
  }

  async put(ref: Ref, run: string, batch: Batch, maxBytes: number) {
    const at = await this.position(ref, run, batch.first);
    if (at.kind === "taken") return at;
    const { encode } = await import("./log-entry.ts");
    const { item, packed, end } = await encode(this.#c, { ref, run, batch, before: at.end });
    if (end.bytes > maxBytes) {
      const there = await this.#c.tables.executions.get(logKey(ref, run, batch.first));
      if (there) return { kind: "taken" as const, by: await this.#batch(there) };
      return { kind: "full" as const, bytes: end.bytes };
    }
    await upload(this.#c.blobs, [packed]); // PACK-1
    const put = await this.#c.tables.executions.put(item, ABSENT);
    if (!put.ok) {
      await expireValue(this.#c.blobs, packed.attribute, put.found?.batch);
      return { kind: "taken" as const, by: put.found ? await this.#batch(put.found) : null };
    }
    this.written(ref, run, end);
    return { kind: "written" as const };
  }

  /** LOG-5. */
  known(ref: Ref, run: string): LogEnd | undefined {
    return this.#known.get(idOf(ref, run));
  }

  written(ref: Ref, run: string, end: LogEnd): void {
    this.#known.set(idOf(ref, run), end);
  }

  async batches(ref: Ref, run: string, after: number): Promise<Batch[]> {
    const closing = await this.closing(ref, run);
    const last = closing ? firstOf(text(closing, "sk")!) - 1 : 99_999_999;
    const between = (from: number, to: number) => ({ from: logKey(ref, run, from).sk, to: logKey(ref, run, to).sk });
    const batches: Batch[] = [];
    if (after > last) return batches;
    // DynamoDB refuses a range whose end is before its begin.
    const pages = after === last ? [] : this.#c.tables.executions.pages(within(pkOf(ref), between(after + 1, last)));
    for await (const page of pages) {
      batches.push(...(await Promise.all(page.map((item) => this.#batch(item)))));
      const end = page.at(-1);
      if (end) this.written(ref, run, logEndOf(end));
    }
    if (closing) {
      batches.push(await this.#batch(closing));
      this.written(ref, run, logEndOf(closing));
    }
    return batches;
  }

  async part(ref: Ref, run: string, p: LogPart): Promise<Batch[]> {
    const closing = await this.closing(ref, run);
    return (await import("./log-part.ts")).readPart(this.#c, { ref, run, closing, ...p });
  }

  #batch(item: Item): Promise<Batch> {
    return batchOf(this.#c, item);
  }
}

export const batchOf = async (c: Pick<Context, "blobs">, item: Item): Promise<Batch> =>
  storedBatch(await unpackText(c.blobs, item.batch));

const idOf = (ref: Ref, run: string): string => `${pkOf(ref)}#${run}`;
