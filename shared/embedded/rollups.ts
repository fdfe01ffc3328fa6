/** Counts of runs by time. Its writes join the transaction of the start or the close that they count (ROLLUP-2). */
import { type Bucket, bucketsFor, type Increment, withIncrement } from "../core/rollups.ts";
import { pause } from "../lib/turns.ts";
import type { Clock, RollupQuery, Rollups } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { type Database, json, parse } from "./database.ts";

/** Rows that are read or deleted before other requests may run. */
const AT_ONCE = 500;

export class EmbeddedRollups implements Rollups {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #retentionMs: Millis;

  constructor(db: Database, clock: Clock, retentionMs: Millis) {
    this.#db = db;
    this.#clock = clock;
    this.#retentionMs = retentionMs;
  }

  add(workspace: string, increments: readonly Increment[]): void {
    const kept = { now: this.#clock.now(), retentionMs: this.#retentionMs };
    for (const increment of increments) {
      const { subject, key } = increment;
      for (const { size, start, expiresAt } of bucketsFor(increment, kept)) {
        const row = this.#db.one(
          "SELECT body FROM rollups WHERE ws = ? AND subject = ? AND size = ? AND start = ? AND key = ?",
          workspace,
          subject,
          size,
          start,
          key,
        );
        const before = row ? parse<Bucket>(row.body) : { key, start, counts: {} };
        this.#db.run(
          `INSERT INTO rollups (ws, subject, size, start, key, expires_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET expires_at = excluded.expires_at, body = excluded.body`,
          workspace,
          subject,
          size,
          start,
          key,
          expiresAt,
          json(withIncrement(before, increment)),
        );
      }
    }
  }

  async read(workspace: string, p: RollupQuery): Promise<Bucket[]> {
    const most = p.most ?? Number.POSITIVE_INFINITY;
    const [direction, after] = p.order === "desc" ? ["DESC", "<"] : ["ASC", ">"];
    const buckets: Bucket[] = [];
    for (;;) {
      const last = buckets.at(-1);
      const rows = this.#db.all(
        `SELECT body FROM rollups WHERE ws = ? AND subject = ? AND size = ? AND start >= ? AND start < ?
           ${last ? `AND (start, key) ${after} (?, ?)` : ""} ORDER BY start ${direction}, key ${direction} LIMIT ?`,
        workspace,
        p.subject,
        p.size,
        p.from,
        p.until,
        ...(last ? [last.start, last.key] : []),
        Math.min(AT_ONCE, most - buckets.length),
      );
      buckets.push(...rows.map((row) => parse<Bucket>(row.body)));
      if (rows.length < AT_ONCE || buckets.length >= most) return buckets;
      await pause();
    }
  }

  async expire(now: Millis): Promise<void> {
    const old = `SELECT ws, subject, size, start, key FROM rollups WHERE expires_at <= ? LIMIT ${AT_ONCE}`;
    const some = `DELETE FROM rollups WHERE (ws, subject, size, start, key) IN (${old})`;
    while (this.#db.run(some, now) === AT_ONCE) await pause();
  }
}
