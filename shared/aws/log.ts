/**
 * The log of a run: one item per batch, keyed by its first event.
 *
 * LOG-1. A batch is one conditional put at its position; the loser is answered the batch that stands there, without a read.
 * LOG-2. The condition sees one key alone. That the position follows the last batch, and is not in the middle of one, is
 *     known before the put: mostly from memory (the end of a batch never moves), else by one read.
 * LOG-3. Each batch carries what the next one needs: the bytes of the log so far, when it expires, and whether any batch
 *     lies in S3.
 * LOG-4. Expiry costs nothing: the log of a run with a deadline is born with `deadline + retention`, long after which
 *     nothing of it can be open (the sweeper closes what is past its deadline). The log of a run without a deadline has
 *     no expiry until the run closes; `retention.ts` gives it one then, at one write unit per batch.
 */

import { LruCache } from "../lib/lru-cache.ts";
import type { Ref } from "../ports.ts";
import type { Batch, Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { payloadOwner } from "./heads.ts";
import { firstOf, headKey, logKey, logPrefix, pkOf, runKey, ttlSeconds } from "./keys.ts";
import { expireValue, INLINE_ONCE, type Packed, pack, unpack, upload } from "./pack.ts";
import { type Item, N, number, S, text, within } from "./table.ts";

/** What is known of the log up to the end of some batch (LOG-3). */
export interface Upto {
  readonly tail: number;
  readonly bytes: number;
  /** Seconds; undefined: the run has no deadline. */
  readonly ttl: number | undefined;
  readonly blobs: boolean;
}
export type Position = { kind: "free"; upto: Upto } | { kind: "taken"; by: Batch | null };

const DAY: Millis = 86_400_000;

export class Log {
  readonly #c: Context;
  readonly #known = new LruCache<Upto>(20_000);

  constructor(c: Context) {
    this.#c = c;
  }

  /** LOG-2. `free` still has to be won by the put. */
  async position(ref: Ref, run: string, first: number): Promise<Position> {
    const known = this.#known.get(idOf(ref, run));
    if (known?.tail === first - 1) return { kind: "free", upto: known };
    if (first === 2) {
      const upto = await this.#beginning(ref, run);
      return upto ? { kind: "free", upto } : { kind: "taken", by: null };
    }
    const sort = { from: logKey(ref, run, 2).sk, to: logKey(ref, run, first).sk };
    const last = await this.#c.tables.executions.first({ ...within(pkOf(ref), sort), ScanIndexForward: false });
    if (!last) return { kind: "taken", by: null };
    if (firstOf(text(last, "sk")!) === first) return { kind: "taken", by: await this.#batch(last) };
    const upto = uptoOf(last);
    return upto.tail === first - 1 ? { kind: "free", upto } : { kind: "taken", by: null };
  }

  /** Of a run's log before its first batch; null: there is no such run of this execution. */
  async #beginning(ref: Ref, run: string): Promise<Upto | null> {
    const { executions } = this.#c.tables;
    const head = await executions.get(headKey(ref));
    const item = head && text(head, "run") === run ? head : await executions.get(runKey(ref, run));
    return item ? this.#uptoStart(item) : null;
  }

  #uptoStart(head: Item): Upto {
    const deadline = number(head, "deadline");
    const ttl = deadline === undefined ? undefined : ttlSeconds(deadline + this.#c.settings.retentionMs + DAY);
    return { tail: 1, bytes: number(head, "base") ?? 0, ttl, blobs: false };
  }

  /** Whoever has the head of a run needs no read to write the first batch. */
  remember(ref: Ref, head: Item): void {
    const id = idOf(ref, text(head, "run")!);
    if (this.#known.get(id) === undefined) this.#known.set(id, this.#uptoStart(head));
  }

  /** The item of a batch, with what has to be in S3 before it, and what is known once it is written. */
  async encode(ref: Ref, run: string, batch: Batch, upto: Upto): Promise<{ item: Item; packed: Packed; next: Upto }> {
    const json = JSON.stringify(batch);
    const packed = await pack(json, payloadOwner(ref, run), INLINE_ONCE);
    const next: Upto = {
      tail: batch.first + batch.events.length - 1,
      bytes: upto.bytes + Buffer.byteLength(json),
      ttl: upto.ttl,
      blobs: upto.blobs || packed.blob !== undefined,
    };
    const { pk, sk } = logKey(ref, run, batch.first);
    const item: Item = {
      pk: S(pk),
      sk: S(sk),
      n: N(batch.events.length),
      bytes: N(next.bytes),
      batch: packed.attribute,
      ...(next.blobs && { blobs: { BOOL: true } }),
      ...(next.ttl !== undefined && { ttl: N(next.ttl) }),
    };
    return { item, packed, next };
  }

  async put(ref: Ref, run: string, batch: Batch, maxBytes: number) {
    const at = await this.position(ref, run, batch.first);
    if (at.kind === "taken") return at;
    const { item, packed, next } = await this.encode(ref, run, batch, at.upto);
    if (next.bytes > maxBytes) {
      const there = await this.#c.tables.executions.get(logKey(ref, run, batch.first));
      if (there) return { kind: "taken" as const, by: await this.#batch(there) };
      return { kind: "full" as const, bytes: next.bytes };
    }
    await upload(this.#c.blobs, [packed]); // PACK-1
    const put = await this.#c.tables.executions.put(item, { expression: "attribute_not_exists(pk)" });
    if (!put.ok) {
      await expireValue(this.#c.blobs, packed.attribute, put.found?.batch);
      return { kind: "taken" as const, by: put.found ? await this.#batch(put.found) : null };
    }
    this.written(ref, run, next);
    return { kind: "written" as const };
  }

  written(ref: Ref, run: string, upto: Upto): void {
    this.#known.set(idOf(ref, run), upto);
  }

  async batches(ref: Ref, run: string, after: number): Promise<Batch[]> {
    const sort = { from: logKey(ref, run, after + 1).sk, to: logKey(ref, run, 99_999_999).sk };
    const batches: Batch[] = [];
    for await (const page of this.#c.tables.executions.pages(within(pkOf(ref), sort))) {
      batches.push(...(await Promise.all(page.map((item) => this.#batch(item)))));
      const last = page.at(-1);
      if (last) this.written(ref, run, uptoOf(last));
    }
    return batches;
  }

  /** The first event of the last batch, null = the log is empty. */
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

function uptoOf(item: Item): Upto {
  return {
    tail: firstOf(text(item, "sk")!) + number(item, "n")! - 1,
    bytes: number(item, "bytes")!,
    ttl: number(item, "ttl"),
    blobs: item.blobs?.BOOL ?? false,
  };
}
const idOf = (ref: Ref, run: string): string => `${pkOf(ref)}#${run}`;
