/** Lowers the time of a deployment whose sessions were deleted (ACTIVE-3). */
import type { Millis } from "../protocol/history.ts";
import { type Key, N, type Table } from "./table.ts";

/** `beats`: the latest heartbeat of each deployment. */
export async function lower(table: Table, key: Key, beats: () => Promise<ReadonlyMap<string, Millis>>): Promise<void> {
  for (;;) {
    const item = await table.get(key);
    if (!item) return;
    const latest = (await beats()).get(key.sk);
    const values = { ":changes": item.changes ?? N(0), ...(latest !== undefined && { ":latest": N(latest) }) };
    const expression = latest === undefined ? "REMOVE beat_at" : "SET beat_at = :latest";
    if ((await table.update(key, expression, { condition: "changes = :changes", values })).ok) return;
  }
}
