/**
 * The writes of a reset besides `close`, loaded at their first use.
 *
 * `prepare` first writes the note by which `retention.ts` finds the log of a run that never got its head. The transaction
 * that puts the head deletes the note. So nothing is left of a reset that died, and no batch is written twice.
 */
import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import type { ExecutionCost } from "../protocol/cost.ts";
import type { Head } from "../protocol/head.ts";
import type { Batch } from "../protocol/history.ts";
import { begun, expiryItem, PREPARED_MS } from "./close.ts";
import type { Context } from "./context.ts";
import { baseOf, decodeHead, encodeHead } from "./heads.ts";
import { runKey } from "./keys.ts";
import type { Log } from "./log.ts";
import type { LogEnd } from "./log-end.ts";
import { encode, type LogEntry } from "./log-entry.ts";
import { FED } from "./names.ts";
import { finalHead, putOverFinal } from "./over-final.ts";
import { upload } from "./pack.ts";
import { pastRunItem } from "./run-items.ts";
import { type Item, keyItem } from "./table.ts";
import { transact } from "./transact.ts";
import { itemBytes, writeUnits } from "./units.ts";

const CONCURRENCY = 25;

export async function prepare(c: Context, log: Log, next: Head, batches: readonly Batch[]): Promise<number> {
  const { run } = next;
  const { executions } = c.tables;
  let end = await endBefore(log, next, batches[0]!.first);
  if (end.tail === 1) await executions.put(expiryItem(next, run, c.clock.now() + PREPARED_MS));
  const encoded: LogEntry[] = [];
  for (const batch of batches) {
    const entry = await encode(c, { ref: next, run, batch, before: end, by: "server" });
    encoded.push(entry);
    end = entry.end;
  }
  await forEachConcurrent(CONCURRENCY, encoded, async ({ item, packed }) => {
    await upload(c.blobs, [packed]); // PACK-1
    await executions.put({ ...item, [FED.copied]: { BOOL: true } });
  });
  log.written(next, run, end);
  return end.bytes;
}

/** Both items in a transaction; the entry of the head in `runs` moves, the past run gets one. */
const reopened = (cost: ExecutionCost, old: Item): ExecutionCost => ({
  ...cost,
  write_units: (cost.write_units ?? 0) + 4 * writeUnits(itemBytes(old)) + 3,
});

async function endBefore(log: Log, next: Head, first: number): Promise<LogEnd> {
  if (first === 2) return log.emptyLogEnd({ deadline: next.deadline, bytes: baseOf(next) });
  const position = await log.position(next, next.run, first);
  if (position.kind === "free") return position.end;
  throw new Error(`the log of the prepared run ${next.run} does not end before event ${first}`);
}

/** One transaction: the head of the new run, and the item of the past run, which the head was. */
export async function reopen(c: Context, next: Head, seen: { run: string; fence: number }): Promise<boolean> {
  const { executions } = c.tables;
  const old = await finalHead(c, next, seen);
  if (!old) return false;
  const { cost } = await decodeHead(c.blobs, old);
  const { item, blobs } = await encodeHead(
    c,
    { ...next, ...(cost && { cost: reopened(cost, old) }), fence: seen.fence + 1 },
    { fresh: true },
  );
  await upload(c.blobs, blobs);
  const { name: TableName } = executions;
  const past: Item = { ...pastRunItem(next, old), ...keyItem(runKey(next, seen.run)) };
  const answer = await transact(c, [
    putOverFinal(TableName, item, seen),
    { Put: { TableName, Item: past } },
    ...begun(next, next, TableName),
  ]);
  return answer === "written";
}
