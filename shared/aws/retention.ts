/**
 * Gives the items of closed runs their expiry, where they could not have it when they were written.
 *
 * Most runs need none of this: the log of a run with a deadline is written with its expiry (LOG-4), and the close writes
 * that of the head. The close leaves a note (`EXPIRE#<run>`, in its own shards of the index `due`) if the run had no
 * deadline, has payloads in S3 (each object is tagged, and a lifecycle rule deletes tagged objects), or needs a pointer.
 * A deletion leaves a note there too (`ERASE#<fence>`, `deletion.ts`). The log of a run that a reset prepared and that never got
 * a head is deleted at once.
 *
 * Repeating the work is harmless. The next round continues one that ran out of time, and repeats a run that failed, which
 * does not stop the others.
 */

import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import type { Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { blobsOf } from "./heads.ts";
import { Inbox } from "./inbox.ts";
import {
  DUE_SHARDS,
  expiryKey,
  expiryShard,
  HEAD,
  headKey,
  logPrefix,
  pkOf,
  pointerKey,
  refOf,
  ttlSeconds,
} from "./keys.ts";
import { INDEXES } from "./names.ts";
import { expireValue } from "./pack.ts";
import { RunIndex } from "./run-index.ts";
import { type Item, type Key, N, number, S, text, within } from "./table.ts";

const CONCURRENCY = 25;
/** Runs handled concurrently, each with up to `CONCURRENCY` items: more requests would wait for a free connection. */
const CONCURRENT_RUNS = 4;
const PAGE = 100;

/** Answers how many runs got their expiry. Begins no run after `until`. */
export async function expireClosed(c: Context, until: Millis): Promise<number> {
  let done = 0;
  await forEachConcurrent(CONCURRENT_RUNS, notes(c, until), async (note) => {
    try {
      if (text(note, "sk")!.startsWith("ERASE#")) await (await import("./deletion.ts")).eraseNote(c, note, until);
      else await expireRun(c, note);
      done += 1;
    } catch (error) {
      c.log.error("expiry: items of a closed run not done, the next round tries again", {
        run: text(note, "sk"),
        error,
      });
    }
  });
  return done;
}

async function* notes(c: Context, until: Millis): AsyncGenerator<Item> {
  const { name, partition, sort } = INDEXES.due;
  for (let shard = 0; shard < DUE_SHARDS; shard++) {
    if (c.clock.now() >= until) return;
    const pages = c.tables.executions.pages({
      IndexName: name,
      KeyConditionExpression: `${partition} = :shard AND ${sort} <= :now`,
      ExpressionAttributeValues: { ":shard": S(expiryShard(shard)), ":now": N(c.clock.now()) },
      limit: () => PAGE,
    });
    for await (const page of pages) {
      for (const note of page) {
        if (c.clock.now() >= until) return;
        yield note;
      }
    }
  }
}

async function expireRun(c: Context, note: Item): Promise<void> {
  const ref = refOf(text(note, "pk")!);
  const run = text(note, "sk")!.slice("EXPIRE#".length);
  const item = await new RunIndex(c).itemOf(ref, run);
  if (!item) return (await import("./deletion.ts")).eraseRun(c, ref, run);
  const ttl = ttlSeconds(number(note, INDEXES.due.sort)! + c.settings.retentionMs);
  await expireLog(c, ref, run, ttl);
  for (const blob of blobsOf(item)) await c.blobs.expire(blob);
  await clearInbox(c, ref, item);
  await expireAt(c, pointerKey(ref.workspace, run), ttl);
  await c.tables.executions.delete(expiryKey(ref, run));
}

async function expireLog(c: Context, ref: Ref, run: string, ttl: number): Promise<void> {
  const pages = c.tables.executions.pages({
    ...within(pkOf(ref), { prefix: logPrefix(run) }),
    ProjectionExpression: "pk, sk, #ttl, #batch.s3",
    ExpressionAttributeNames: { "#ttl": "ttl", "#batch": "batch" },
  });
  for await (const page of pages) {
    await forEachConcurrent(CONCURRENCY, page, async (item) => {
      if (number(item, "ttl") === undefined) await expireAt(c, { pk: pkOf(ref), sk: text(item, "sk")! }, ttl);
      await expireValue(c.blobs, item.batch);
    });
  }
}

async function expireAt(c: Context, key: Key, ttl: number): Promise<void> {
  await c.tables.executions.update(key, "SET #ttl = :ttl", {
    condition: "attribute_exists(pk)",
    names: { "#ttl": "ttl" },
    values: { ":ttl": N(ttl) },
  });
}

/** Messages that no worker took in (their sender died before the wake-up, or the execution was terminated), and their counter. */
async function clearInbox(c: Context, ref: Ref, of: Item): Promise<void> {
  const chain = text(of, "chain")!;
  const head = text(of, "sk") === HEAD ? of : await c.tables.executions.get(headKey(ref));
  const goesOn = head && text(head, "chain") === chain && text(head, "status") === "RUNNING";
  if (!goesOn) await new Inbox(c).clear(ref, chain);
}
