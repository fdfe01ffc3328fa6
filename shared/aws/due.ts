/**
 * Due executions from the shards of the sparse index, ordered by due time, workspace, execution.
 *
 * DUESHARDS-1. The shard of an entry is decided when it is written. An installation may be given more shards, and less again: the sweeper
 *     reads as many as there have ever been, which it keeps in the table (`sweptShards`).
 */

import type { DueEntry } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { ExecutionStatus } from "../protocol/status.ts";
import { DUE_SHARDS, dueShard, refOf } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { type Item, N, number, S, type Table, text } from "./table.ts";

export const shardsTo = (shards: number): readonly number[] => Array.from({ length: shards }, (_, n) => n);

/** A shard, read as far as the merge needs it. */
interface Shard {
  readonly entries: DueEntry[];
  readonly pages: AsyncGenerator<Item[]>;
  /** Every entry due before this is in `entries`: those due at one time may lie on two pages. */
  completeBefore: Millis;
}

/**
 * Merges the shards, and reads of each only what the answer needs and a page more. It cuts nothing between entries with one
 * due time, which have no order in the index: so more than `limit` may come. `of`: the shards that are read.
 */
export async function readDue(
  table: Table,
  until: Millis,
  limit: number,
  after?: DueEntry,
  of: readonly number[] = shardsTo(DUE_SHARDS),
): Promise<DueEntry[]> {
  if (after && after.dueAt > until) return [];
  const shards = of.map((n): Shard => {
    const pages = pagesOf(table, dueShard(n), { from: after?.dueAt ?? 0, until, size: Math.ceil(limit / of.length) });
    return { entries: [], pages, completeBefore: Number.NEGATIVE_INFINITY };
  });
  for (;;) {
    const complete = Math.min(...shards.map((shard) => shard.completeBefore));
    const found = shards.flatMap(({ entries }) => entries.filter(({ dueAt }) => dueAt < complete));
    if (found.length >= limit || complete === Number.POSITIVE_INFINITY) {
      found.sort(inOrder);
      const last = found[limit - 1]?.dueAt;
      return last === undefined ? found : found.filter(({ dueAt }, i) => i < limit || dueAt === last);
    }
    await Promise.all(shards.filter((shard) => shard.completeBefore === complete).map((shard) => readOn(shard, after)));
  }
}

async function readOn(shard: Shard, after: DueEntry | undefined): Promise<void> {
  const { value: page, done } = await shard.pages.next();
  const last = done ? undefined : page.at(-1);
  for (const item of done ? [] : page) {
    const entry = entryOf(item);
    if (!after || inOrder(entry, after) > 0) shard.entries.push(entry);
  }
  if (done) shard.completeBefore = Number.POSITIVE_INFINITY;
  else if (last) shard.completeBefore = entryOf(last).dueAt;
}

function pagesOf(table: Table, shard: string, p: { from: Millis; until: Millis; size: number }) {
  const { name, partition, sort } = INDEXES.due;
  return table.pages({
    IndexName: name,
    KeyConditionExpression: `${partition} = :shard AND ${sort} BETWEEN :from AND :until`,
    ExpressionAttributeValues: { ":shard": S(shard), ":from": N(p.from), ":until": N(p.until) },
    limit: () => Math.max(MIN_PAGE, p.size),
  });
}

/** Fewer entries than this cost no less: a query of an index reads half a unit at least, for 4 KB. */
const MIN_PAGE = 25;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const inOrder = (a: DueEntry, b: DueEntry): number =>
  a.dueAt - b.dueAt || compare(a.workspace, b.workspace) || compare(a.execution, b.execution);

const entryOf = (item: Item): DueEntry => ({
  ...refOf(text(item, "pk")!),
  dueAt: number(item, INDEXES.due.sort)!,
  deployment: text(item, "deployment")!,
  deadline: number(item, "deadline") ?? null,
  status: text(item, "status") as ExecutionStatus,
});
