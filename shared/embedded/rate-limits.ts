/** Pools of rate limits. One process serves the file, and nothing runs between the read and the write of a pool. */
import { type Permit, type Pool, poolEnds, storedPool, takePermits } from "../core/rate-limit.ts";
import type { Readable } from "../lib/readable.ts";
import type { Clock, RateLimits } from "../ports.ts";
import type { Millis, RateLimit } from "../protocol/history.ts";
import { type Database, json, parse } from "./database.ts";

export class EmbeddedRateLimits implements RateLimits {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #readable: Readable;

  constructor(db: Database, clock: Clock, readable: Readable) {
    this.#db = db;
    this.#clock = clock;
    this.#readable = readable;
  }

  async take(workspace: string, limit: RateLimit, n: number, slack: Millis = 0): Promise<Permit[]> {
    const { pool, permits } = takePermits(this.#pool(workspace, limit.key), limit, n, this.#clock.now(), slack);
    this.#db.run(
      "INSERT OR REPLACE INTO rate_limits (ws, key, expires_at, body) VALUES (?, ?, ?, ?)",
      workspace,
      limit.key,
      poolEnds(pool),
      json(pool),
    );
    return permits;
  }

  async pool(workspace: string, key: string): Promise<Pool | null> {
    return this.#pool(workspace, key);
  }

  #pool(workspace: string, key: string): Pool | null {
    const row = this.#db.one("SELECT body FROM rate_limits WHERE ws = ? AND key = ?", workspace, key);
    if (!row) return null;
    // Without its pool a limit begins anew, and its next write replaces what cannot be read.
    const [pool = null] = this.#readable.of(
      [row],
      () => `rate limit ${workspace}/${key}`,
      ({ body }) => storedPool(parse(body)),
    );
    return pool;
  }

  /** Deletes pools without permits that count. */
  expire(now: Millis): void {
    this.#db.run("DELETE FROM rate_limits WHERE expires_at <= ?", now);
  }
}
