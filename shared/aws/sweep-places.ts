/** When a shard was swept last, and where in its backlog that ended (SWEEP-4): an item for each shard. And how many shards there have been. */
import type { DueEntry } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { DUE_SHARDS, ttlSeconds } from "./keys.ts";
import { type Key, keyItem, N, number, S, text } from "./table.ts";

/** A place is of use to the rounds of the next hours. */
const KEPT_MS: Millis = 86_400_000;

/** `Rotation` of `shared/engine/sweep.ts`. */
export interface SweepPlace {
  reached?: DueEntry | undefined;
  began?: Millis;
  before?: Millis;
  lookedAt?: Millis;
}

/** No id of a workspace is empty, so the key is none of theirs. */
const keyOf = (shard: number): Key => ({ pk: "#sweep", sk: `SHARD#${String(shard).padStart(4, "0")}` });

export async function readSweepPlace(c: Pick<Context, "tables">, shard: number): Promise<SweepPlace> {
  const item = await c.tables.executions.get(keyOf(shard));
  if (!item) return {};
  const [reached, began] = [text(item, "reached"), number(item, "began")];
  const [before, lookedAt] = [number(item, "before"), number(item, "looked_at")];
  return {
    ...(reached !== undefined && { reached: JSON.parse(reached) as DueEntry }),
    ...(began !== undefined && { began }),
    ...(before !== undefined && { before }),
    ...(lookedAt !== undefined && { lookedAt }),
  };
}

export async function writeSweepPlace(c: Pick<Context, "tables" | "clock">, shard: number, place: SweepPlace) {
  await c.tables.executions.put({
    ...keyItem(keyOf(shard)),
    ...(place.began !== undefined && { began: N(place.began) }),
    ...(place.lookedAt !== undefined && { looked_at: N(place.lookedAt) }),
    ...(place.before !== undefined && { before: N(place.before) }),
    ...(place.reached && { reached: S(JSON.stringify(place.reached)) }),
    ttl: N(ttlSeconds(c.clock.now() + KEPT_MS)),
  });
}

const MOST_SHARDS: Key = { pk: "#sweep", sk: "SHARDS" };

/** DUESHARDS-1. As many shards as the installation has, or has had. A process asks once: the setting changes with the function. */
export async function sweptShards(c: Pick<Context, "tables" | "dueShards">): Promise<number> {
  const item = await c.tables.executions.get(MOST_SHARDS);
  const before = (item && number(item, "shards")) ?? DUE_SHARDS;
  if (c.dueShards <= before) return before;
  await c.tables.executions.put({ ...keyItem(MOST_SHARDS), shards: N(c.dueShards) });
  return c.dueShards;
}
