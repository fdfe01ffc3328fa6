/**
 * The log of a run: one item per batch, keyed by its first event.
 *
 * LOG-1. A batch is one conditional put at its position. A failed condition answers the batch that has the position,
 *     without a read of DynamoDB.
 * LOG-2. The condition sees one key alone. Before the put, the log's end says whether the position follows the last batch
 *     and is not inside one: mostly from memory (the end of a batch never changes), else by one read.
 * LOG-3. Each batch carries the facts that the next one needs: the bytes of the log so far, its expiry, whether any batch
 *     has an object in S3, and the retries of activities, which the feed's consumer counts when the run closes.
 * LOG-4. The log of a run with a deadline is written with the expiry `deadline + retention + a day`, which costs nothing.
 *     The run is closed long before that, because the sweeper closes runs past their deadline. The log of a run without a
 *     deadline has no expiry until the run closes. `retention.ts` gives it one then, at one write unit per batch.
 */

import { retriesIn } from "../core/retries.ts";
import { LruCache } from "../lib/lru-cache.ts";
import type { LogPart, Ref } from "../ports.ts";
import type { Batch, Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { payloadOwner } from "./heads.ts";
import { firstOf, headKey, logKey, logPrefix, pkOf, runKey, ttlSeconds } from "./keys.ts";
import { expireValue, INLINE_ONCE, type Packed, pack, unpack, unpackText, upload } from "./pack.ts";
import { ABSENT, type Item, N, number, S, text, within } from "./table.ts";

/** The facts of LOG-3 at the end of a batch. */
export interface LogEnd {
  readonly tail: number;
  readonly bytes: number;
  /** Seconds; undefined: the run has no deadline. */
  readonly ttl: number | undefined;
  readonly blobs: boolean;
  readonly retries: number;
}
export type Position = { kind: "free"; end: LogEnd } | { kind: "taken"; by: Batch | null };

const DAY: Millis = 86_400_000;
/** Of a part of the log, which may end after any of them. */
const UNPACKED_AT_ONCE = 8;
const MAX_PART_ITEMS = 200;

export class Log {
  readonly #c: Context;
  readonly #known = new LruCache<LogEnd>(20_000);

  constructor(c: Context) {
    this.#c = c;
  }

  /** LOG-2. After `free` the put may still lose to another writer. */
  async position(ref: Ref, run: string, first: number): Promise<Position> {
    const known = this.#known.get(idOf(ref, run));
    if (known?.tail === first - 1) return { kind: "free", end: known };
    if (first === 2) {
      const end = await this.#beginning(ref, run);
      return end ? { kind: "free", end } : { kind: "taken", by: null };
    }
    const sort = { from: logKey(ref, run, 2).sk, to: logKey(ref, run, first).sk };
    const last = await this.#c.tables.executions.first({ ...within(pkOf(ref), sort), ScanIndexForward: false });
    if (!last) return { kind: "taken", by: null };
    if (firstOf(text(last, "sk")!) === first) return { kind: "taken", by: await this.#batch(last) };
    const end = logEndOf(last);
    return end.tail === first - 1 ? { kind: "free", end } : { kind: "taken", by: null };
  }

  /** The end of a log without batches, null = the execution has no such run. */
  async #beginning(ref: Ref, run: string): Promise<LogEnd | null> {
    const { executions } = this.#c.tables;
    const head = await executions.get(headKey(ref));
    const item = head && text(head, "run") === run ? head : await executions.get(runKey(ref, run));
    return item ? this.#emptyLogEnd(item) : null;
  }

  /** `head`: the item of the run. */
  #emptyLogEnd(head: Item): LogEnd {
    return this.emptyLogEnd({ deadline: number(head, "deadline") ?? null, bytes: number(head, "base") ?? 0 });
  }

  emptyLogEnd({ deadline, bytes }: { deadline: Millis | null; bytes: number }): LogEnd {
    const ttl = deadline === null ? undefined : ttlSeconds(deadline + this.#c.settings.retentionMs + DAY);
    return { tail: 1, bytes, ttl, blobs: false, retries: 0 };
  }

  /** From the item of a run, so that the put of its first batch needs no read. */
  remember(ref: Ref, head: Item): void {
    const id = idOf(ref, text(head, "run")!);
    if (this.#known.get(id) === undefined) this.#known.set(id, this.#emptyLogEnd(head));
  }

  /** The item of a batch, the object that must be in S3 before it, and the log's end once it is written. */
  async encode(
    ref: Ref,
    run: string,
    batch: Batch,
    before: LogEnd,
  ): Promise<{ item: Item; packed: Packed; end: LogEnd }> {
    const json = JSON.stringify(batch);
    const packed = await pack(json, payloadOwner(ref, run), INLINE_ONCE);
    const end: LogEnd = {
      tail: batch.first + batch.events.length - 1,
      bytes: before.bytes + Buffer.byteLength(json),
      ttl: before.ttl,
      blobs: before.blobs || packed.blob !== undefined,
      retries: before.retries + retriesIn(batch.events),
    };
    const { pk, sk } = logKey(ref, run, batch.first);
    const item: Item = {
      pk: S(pk),
      sk: S(sk),
      n: N(batch.events.length),
      bytes: N(end.bytes),
      batch: packed.attribute,
      ...(end.blobs && { blobs: { BOOL: true } }),
      ...(end.retries > 0 && { retries: N(end.retries) }),
      ...(end.ttl !== undefined && { ttl: N(end.ttl) }),
    };
    return { item, packed, end };
  }

  async put(ref: Ref, run: string, batch: Batch, maxBytes: number) {
    const at = await this.position(ref, run, batch.first);
    if (at.kind === "taken") return at;
    const { item, packed, end } = await this.encode(ref, run, batch, at.end);
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

  written(ref: Ref, run: string, end: LogEnd): void {
    this.#known.set(idOf(ref, run), end);
  }

  async batches(ref: Ref, run: string, after: number): Promise<Batch[]> {
    const sort = { from: logKey(ref, run, after + 1).sk, to: logKey(ref, run, 99_999_999).sk };
    const batches: Batch[] = [];
    for await (const page of this.#c.tables.executions.pages(within(pkOf(ref), sort))) {
      batches.push(...(await Promise.all(page.map((item) => this.#batch(item)))));
      const last = page.at(-1);
      if (last) this.written(ref, run, logEndOf(last));
    }
    return batches;
  }

  /** Values of the log may be in S3 or compress well, so the sizes of the items say little: batches are unpacked few at a time. */
  async part(ref: Ref, run: string, p: LogPart): Promise<Batch[]> {
    if (p.order === "desc" && p.from < 2) return []; // DynamoDB refuses a range whose end is before its begin
    const { executions } = this.#c.tables;
    const [first, from, last] = [2, p.from, 99_999_999].map((at) => logKey(ref, run, at).sk) as [
      string,
      string,
      string,
    ];
    const backwards = { ...within(pkOf(ref), { from: first, to: from }), ScanIndexForward: false };
    const batches: Batch[] = [];
    let [events, bytes] = [0, 0];
    const take = async (items: readonly Item[]) => {
      for (let i = 0; i < items.length; i += UNPACKED_AT_ONCE) {
        const group = items.slice(i, i + UNPACKED_AT_ONCE);
        for (const json of await Promise.all(group.map((item) => unpackText(this.#c.blobs, item.batch)))) {
          const batch = JSON.parse(json) as Batch;
          batches.push(batch);
          events += batch.events.length;
          bytes += Buffer.byteLength(json);
          if (events >= p.events || bytes >= p.bytes) return true;
        }
      }
      return false;
    };
    let query = backwards as Parameters<typeof executions.pages>[0];
    if (p.order === "asc") {
      const around = p.from <= 2 ? null : await executions.first(backwards);
      const start = around && logEndOf(around).tail >= p.from ? text(around, "sk")! : from;
      query = within(pkOf(ref), { from: start, to: last });
    }
    for await (const page of executions.pages({ ...query, limit: () => Math.min(MAX_PART_ITEMS, p.events) })) {
      if (await take(page)) break;
    }
    return batches;
  }

  /** The position of the last batch, null = the log is empty. */
  async lastFirst(ref: Ref, run: string): Promise<number | null> {
    const query = { ...within(pkOf(ref), { prefix: logPrefix(run) }), ScanIndexForward: false };
    const last = await this.#c.tables.executions.first({ ...query, ProjectionExpression: "sk" });
    return last ? firstOf(text(last, "sk")!) : null;
  }

  #batch(item: Item): Promise<Batch> {
    return batchOf(this.#c, item);
  }
}

export const batchOf = (c: Pick<Context, "blobs">, item: Item): Promise<Batch> => unpack<Batch>(c.blobs, item.batch!);

function logEndOf(item: Item): LogEnd {
  return {
    tail: firstOf(text(item, "sk")!) + number(item, "n")! - 1,
    bytes: number(item, "bytes")!,
    ttl: number(item, "ttl"),
    blobs: item.blobs?.BOOL ?? false,
    retries: number(item, "retries") ?? 0,
  };
}
const idOf = (ref: Ref, run: string): string => `${pkOf(ref)}#${run}`;
