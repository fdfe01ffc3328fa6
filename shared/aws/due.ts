/** Due executions from the shards of the sparse index, ordered by due time, workspace, execution. */

import type { DueEntry } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { ExecutionStatus } from "../protocol/status.ts";
import { DUE_SHARDS, dueShard, refOf } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { type Item, N, number, S, type Table, text } from "./table.ts";

export async function readDue(table: Table, until: Millis, limit: number, after?: DueEntry): Promise<DueEntry[]> {
  const shards = Array.from({ length: DUE_SHARDS }, (_, n) => readShard(table, dueShard(n), until, limit, after));
  return (await Promise.all(shards)).flat().sort(inOrder).slice(0, limit);
}

async function readShard(table: Table, shard: string, until: Millis, limit: number, after: DueEntry | undefined) {
  const { name, partition, sort } = INDEXES.due;
  const entries: DueEntry[] = [];
  const pages = table.pages({
    IndexName: name,
    KeyConditionExpression: `${partition} = :shard AND ${sort} BETWEEN :from AND :until`,
    ExpressionAttributeValues: { ":shard": S(shard), ":from": N(after?.dueAt ?? 0), ":until": N(until) },
    limit: () => Math.max(1, limit - entries.length),
  });
  if (after && after.dueAt > until) return entries;
  for await (const page of pages) {
    for (const item of page) {
      const entry = entryOf(item);
      if (after && inOrder(entry, after) <= 0) continue;
      // Entries with the same time have no order in the index, so the list is never cut between two of them.
      if (entries.length >= limit && entry.dueAt !== entries[limit - 1]?.dueAt) return entries;
      entries.push(entry);
    }
  }
  return entries;
}

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
