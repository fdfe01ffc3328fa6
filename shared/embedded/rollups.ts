/**
 * Counts of runs by time. Its writes join the transaction of the start or the close that they count (ROLLUP-2), once for
 * all of the transaction (COMMIT-6): under load many runs count in the same buckets.
 */
import {
  addTo,
  type Bucket,
  type BucketSize,
  bucketsFor,
  copyOf,
  type Increment,
  type OpenBucket,
  storedBucket,
  withoutFailure,
} from "../core/rollups.ts";
import { LruCache } from "../lib/lru-cache.ts";
import type { Readable } from "../lib/readable.ts";
import { pause } from "../lib/turns.ts";
import type { Clock, RollupQuery, Rollups } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { type Database, json, parse, type Row } from "./database.ts";

/** Rows that are read or deleted before other requests may run. */
const AT_ONCE = 500;
/** Buckets whose content is kept in memory: those of the present minute and hour of some hundred workflows. */
const MOST_KNOWN = 1_000;

type BucketRow = readonly [workspace: string, subject: string, size: BucketSize, start: Millis, key: string];

export class EmbeddedRollups implements Rollups {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #retentionMs: Millis;
  readonly #readable: Readable;
  /** Of the open transaction, by the fields of the row's key. */
  readonly #changed = new Map<string, { row: BucketRow; expiresAt: Millis; bucket: OpenBucket }>();
  /** Contents of rows: nothing else writes them. */
  #known = new LruCache<Bucket>(MOST_KNOWN);

  constructor(o: { db: Database; clock: Clock; retentionMs: Millis; readable: Readable }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#retentionMs = o.retentionMs;
    this.#readable = o.readable;
  }

  add(workspace: string, increments: readonly Increment[]): void {
    if (increments.length > 0) this.#db.beforeCommit(() => this.#fold(workspace, increments)); // COMMIT-6
  }

  /** The first of a transaction sees to it that `#write` follows the last. */
  #fold(workspace: string, increments: readonly Increment[]): void {
    if (this.#changed.size === 0) this.#db.beforeCommit(() => this.#write());
    const kept = { now: this.#clock.now(), retentionMs: this.#retentionMs };
    for (const increment of increments) {
      const { subject, key } = increment;
      for (const { size, start, expiresAt } of bucketsFor(increment, kept)) {
        const row = [workspace, subject, size, start, key] as const;
        const id = row.join("\n");
        let change = this.#changed.get(id);
        if (!change) {
          change = { row, expiresAt, bucket: copyOf(this.#known.get(id) ?? this.#stored(row)) };
          this.#changed.set(id, change);
        }
        change.expiresAt = expiresAt;
        addTo(change.bucket, increment);
      }
    }
  }

  #write(): void {
    for (const [id, { row, expiresAt, bucket }] of this.#changed) {
      const body = json(bucket);
      this.#known.set(id, bucket);
      // Most changes leave the expiry as it is: its index is not written with each of them.
      const updated = this.#db.run(
        "UPDATE rollups SET body = ? WHERE ws = ? AND subject = ? AND size = ? AND start = ? AND key = ? AND expires_at = ?",
        body,
        ...row,
        expiresAt,
      );
      if (updated > 0) continue;
      this.#db.run(
        `INSERT INTO rollups (ws, subject, size, start, key, expires_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET expires_at = excluded.expires_at, body = excluded.body`,
        ...row,
        expiresAt,
        body,
      );
    }
    this.#changed.clear();
  }

  /** A row that cannot be read begins anew: it must stop neither the starts and closes of a workflow nor a commit. */
  #stored(row: BucketRow): Bucket {
    const [, , , start, key] = row;
    const stored = this.#db.one(
      "SELECT body FROM rollups WHERE ws = ? AND subject = ? AND size = ? AND start = ? AND key = ?",
      ...row,
    );
    try {
      if (stored) return bucketOf(stored);
    } catch {
      // damaged
    }
    return { key, start, counts: {} };
  }

  /**
   * DELETE-5: takes the examples that these increments have left out of their buckets. The counts stay. The caller has written
   * what waits for the commit.
   */
  forget(workspace: string, increments: readonly Increment[]): void {
    const kept = { now: this.#clock.now(), retentionMs: this.#retentionMs };
    for (const { subject, key, at, failure } of increments) {
      if (!failure) continue;
      for (const { size, start } of bucketsFor({ at }, kept)) {
        const row = [workspace, subject, size, start, key] as const;
        const next = withoutFailure(this.#stored(row), failure.run);
        if (!next) continue;
        this.#db.run(
          "UPDATE rollups SET body = ? WHERE ws = ? AND subject = ? AND size = ? AND start = ? AND key = ?",
          json(next),
          ...row,
        );
        this.#known.delete(row.join("\n"));
      }
    }
  }

  async read(workspace: string, p: RollupQuery): Promise<Bucket[]> {
    const most = p.most ?? Number.POSITIVE_INFINITY;
    const [direction, after] = p.order === "desc" ? ["DESC", "<"] : ["ASC", ">"];
    const nameOf = ({ start, key }: Row) => `rollup ${workspace}/${p.subject}/${p.size}/${start}/${key}`;
    const buckets: Bucket[] = [];
    let last: Row | undefined;
    for (;;) {
      this.#db.writeWaiting();
      const wanted = Math.min(AT_ONCE, most - buckets.length);
      const rows = this.#db.all(
        `SELECT start, key, body FROM rollups WHERE ws = ? AND subject = ? AND size = ? AND start >= ? AND start < ?
           ${last ? `AND (start, key) ${after} (?, ?)` : ""} ORDER BY start ${direction}, key ${direction} LIMIT ?`,
        workspace,
        p.subject,
        p.size,
        p.from,
        p.until,
        ...(last ? [last.start!, last.key!] : []),
        wanted,
      );
      last = rows.at(-1);
      buckets.push(...this.#readable.of(rows, nameOf, bucketOf));
      if (rows.length < wanted || buckets.length >= most) return buckets;
      await pause();
    }
  }

  async expire(now: Millis): Promise<void> {
    const old = `SELECT ws, subject, size, start, key FROM rollups WHERE expires_at <= ? LIMIT ${AT_ONCE}`;
    const some = `DELETE FROM rollups WHERE (ws, subject, size, start, key) IN (${old})`;
    for (let full = true; full; ) {
      this.#db.writeWaiting();
      full = this.#db.run(some, now) === AT_ONCE;
      this.#known = new LruCache(MOST_KNOWN);
      if (full) await pause();
    }
  }
}

const bucketOf = ({ body }: Row): Bucket => storedBucket(parse(body));
