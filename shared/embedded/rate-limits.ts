/** Pools of rate limits. One process serves the file, and nothing runs between the read and the write of a pool. */
import { type Permit, type Pool, poolEnds, takePermits } from "../core/rate-limit.ts";
import type { Clock, RateLimits } from "../ports.ts";
import type { Millis, RateLimit } from "../protocol/history.ts";
import { type Database, json, parse } from "./database.ts";

export class EmbeddedRateLimits implements RateLimits {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
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
    return row ? parse<Pool>(row.body) : null;
  }

  /** Deletes pools without permits that count. */
  expire(now: Millis): void {
    this.#db.run("DELETE FROM rate_limits WHERE expires_at <= ?", now);
  }
}
