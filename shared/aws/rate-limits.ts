/**
 * Pools of rate limits: one item each, changed by one conditional write per group of permits. The function remembers the
 * pools that it wrote last, so that it need not read them: if another function has written since, the condition fails, and the
 * answer has the pool as it is now.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Permit, type Pool, poolEnds, storedPool, takePermits } from "../core/rate-limit.ts";
import { LruCache } from "../lib/lru-cache.ts";
import type { RateLimits } from "../ports.ts";
import type { Millis, RateLimit } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { rateLimitKey, ttlSeconds } from "./keys.ts";
import { type Item, keyItem, N, number, S, text } from "./table.ts";

/** Each round of conflicting writes has one winner, so this bounds the functions that can ask for one pool at a time. */
const MAX_TRIES = 100;
const MAX_REMEMBERED = 1_000;

interface Stored {
  readonly pool: Pool | null;
  /** 0: there is none. */
  readonly version: number;
}

export class AwsRateLimits implements RateLimits {
  readonly #c: Context;
  readonly #remembered = new LruCache<Stored>(MAX_REMEMBERED);

  constructor(c: Context) {
    this.#c = c;
  }

  async take(workspace: string, limit: RateLimit, n: number, slack: Millis = 0): Promise<Permit[]> {
    const key = rateLimitKey(workspace, limit.key);
    let stored = this.#remembered.get(key.pk) ?? (await this.#stored(await this.#c.tables.executions.get(key), key.pk));
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { pool, permits } = takePermits(stored.pool, limit, n, this.#c.clock.now(), slack);
      const version = stored.version + 1;
      const item = {
        ...keyItem(key),
        version: N(version),
        pool: S(JSON.stringify(pool)),
        ttl: N(ttlSeconds(poolEnds(pool))),
      };
      const unchanged =
        stored.version === 0
          ? { expression: "attribute_not_exists(version)" }
          : { expression: "version = :seen", values: { ":seen": N(stored.version) } };
      const put = await this.#c.tables.executions.put(item, unchanged);
      if (put.ok) {
        this.#remembered.set(key.pk, { pool, version });
        return permits;
      }
      stored = await this.#stored(put.found, key.pk);
      await delay(Math.random() * Math.min(50, 2 * tries));
    }
    throw new Error(`rate limit '${limit.key}': ${MAX_TRIES} writes in a row conflicted with others`);
  }

  async pool(workspace: string, key: string): Promise<Pool | null> {
    const place = rateLimitKey(workspace, key);
    return (await this.#stored(await this.#c.tables.executions.get(place), place.pk)).pool;
  }

  /** Without its pool a limit begins anew, and its next write replaces what cannot be read. */
  async #stored(item: Item | null, name: string): Promise<Stored> {
    if (item === null) return { pool: null, version: 0 };
    const pool = await this.#c.readable.one(`rate limit ${name}`, () =>
      storedPool(JSON.parse(text(item, "pool") ?? "")),
    );
    return { pool, version: number(item, "version") ?? 0 };
  }
}
