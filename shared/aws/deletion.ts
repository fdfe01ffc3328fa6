/**
 * Deletion of executions (DELETE-1 to DELETE-6), loaded at its first use.
 *
 * `hide` puts a tombstone in the place of the head. With it, in one transaction, it writes a note (`ERASE#<fence>`) of the runs
 * and of the objects that their items name. Readers of a past run look at the head first, so nothing shows that run any more. The
 * note is in the index `due`, beside those of `retention.ts`, so the sweeper finds what a dead caller left. A note that is
 * worked off stays for an hour, and is worked off once more (DELETE-3).
 *
 * The events leave the feed too (FEED-4).
 */
import { createHash } from "node:crypto";
import { closedRun } from "../core/rollups.ts";
import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import { readable } from "../lib/readable.ts";
import { storedFields } from "../lib/stored.ts";
import type { Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { HistoryEvent, Millis } from "../protocol/history.ts";
import type { LogGroup } from "../protocol/log-records.ts";
import { closingIn } from "./closing-batch.ts";
import type { Context } from "./context.ts";
import { HAS_FENCE, placeholders } from "./head-expressions.ts";
import { isExpired, isTombstone, TOMBSTONE } from "./heads.ts";
import {
  activityPrefix,
  expiryKey,
  expiryShardOf,
  headKey,
  inboxPrefix,
  logPrefix,
  messageCounterKey,
  needsPointer,
  pkOf,
  pointerKey,
  RECORDS,
  refOf,
  runKey,
  ttlSeconds,
} from "./keys.ts";
import { batchOf } from "./log.ts";
import { INDEXES } from "./names.ts";
import { finalHead, overFinal, putIf } from "./over-final.ts";
import { blobOf, INLINE_ONCE, stored, unpack, unpackText } from "./pack.ts";
import { progressPrefix } from "./progress-keys.ts";
import { AwsRollups } from "./rollups.ts";
import { type Condition, type Item, type Key, keyItem, N, number, S, text, within } from "./table.ts";
import { transact } from "./transact.ts";

const CONCURRENCY = 25;
/** More changes in a row than callers can cause. */
const MOST_TRIES = 100;
/** The caller of `hide` erases; the sweeper takes over after this. */
const LEASE_MS: Millis = 60_000;
/** DELETE-3. No call takes so long. */
const LATE_MS: Millis = 3_600_000;

interface HiddenRun {
  readonly run: string;
  readonly chain: string;
  readonly started_at: Millis;
  /** For the example of its failure (DELETE-5); absent: it has not failed. */
  readonly failed?: {
    readonly workflow: string;
    readonly deployment: string;
    /** Its last event, which the tombstone takes from the table: the run has closed in its head (LOG-6). */
    readonly last?: HistoryEvent;
  };
}
interface Hidden {
  readonly runs: readonly HiddenRun[];
  /** Source in the feed of the last batch of the last run; absent: it is not known. */
  readonly last?: string;
  /** Objects that the items of the runs name. */
  readonly objects: readonly string[];
}

const eraseKey = (ref: Ref, fence: number): Key => ({ pk: pkOf(ref), sk: `ERASE#${fence}` });
/** A start that was deleted. */
const goneKey = (ref: Ref, token: string): Key => ({ pk: pkOf(ref), sk: `GONE#${token}` });
const digest = (value: string): string => createHash("sha256").update(value).digest("base64url");

export async function hide(c: Context, ref: Ref, seen: { run: string; fence: number }): Promise<boolean> {
  const old = await finalHead(c, ref, seen);
  return old !== null && putTombstone(c, ref, old, overFinal(seen));
}

/** DELETE-6. The condition is the fence alone, as it is stored: a claim may raise it meanwhile. */
export async function hideDamaged(c: Context, ref: Ref): Promise<boolean> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const old = await c.tables.executions.get(headKey(ref));
    if (!old || isTombstone(old) || isExpired(old, c.clock.now())) return false;
    const unchanged = old.fence
      ? { expression: HAS_FENCE, names: placeholders("fence"), values: { ":fence": old.fence } }
      : { expression: "attribute_exists(pk) AND attribute_not_exists(#fence)", names: placeholders("fence") };
    if (await putTombstone(c, ref, old, unchanged)) return true;
  }
  throw new Error(`execution '${ref.execution}' changed at each of ${MOST_TRIES} tries to delete it`);
}

async function putTombstone(c: Context, ref: Ref, old: Item, unchanged: Condition): Promise<boolean> {
  const { executions } = c.tables;
  // A run gets an item of its own only while the head changes its fence, which the condition below refuses.
  const items = [old, ...(await executions.query(within(pkOf(ref), { prefix: "RUN#" })))];
  // The token of a start whose item is damaged is unknown: that start may begin again.
  const bodies = await Promise.all(
    items.map((item) => readable(async () => storedFields<Pick<Head, "token">>(await unpackText(c.blobs, item.body)))),
  );
  const tokens = bodies.flatMap((body) => (typeof body?.token === "string" ? [body.token] : []));
  const now = c.clock.now();
  const ttl = N(ttlSeconds(now + c.settings.retentionMs));
  // DELETE-4. Before the head, because nothing lists the starts afterwards. Alone they have no effect.
  await forEachConcurrent(CONCURRENCY, new Set(tokens), async (token) => {
    await executions.put({ ...keyItem(goneOf(ref, token)), ttl });
  });
  const runs = await Promise.all(items.map((item) => hiddenRun(c, item)));
  const { Scopes } = await import("./feed-scope.ts");
  const last = await new Scopes(c).lastSource(old);
  const hidden: Hidden = { runs, objects: items.flatMap(objectsOf), ...(last !== undefined && { last }) };
  const fence = (number(old, "fence") ?? 0) + 1;
  const owner = `${ref.workspace}/${ref.execution}/erase`;
  const note = {
    ...keyItem(eraseKey(ref, fence)),
    hidden: await stored(c.blobs, hidden, { owner, inline: INLINE_ONCE }),
    [INDEXES.due.partition]: S(expiryShardOf(pkOf(ref))),
    [INDEXES.due.sort]: N(now + LEASE_MS),
  };
  const tombstone = {
    ...keyItem(headKey(ref)),
    status: S(TOMBSTONE),
    fence: N(fence),
    deleted_at: N(now),
    listed: { BOOL: true },
    ttl,
  };
  const { name: TableName } = executions;
  const put = putIf(TableName, tombstone, unchanged);
  const answer = await transact(c, [put, { Put: { TableName, Item: note } }]);
  if (answer !== "written") await forEachConcurrent(CONCURRENCY, objectsOf(note), (key) => c.blobs.delete(key));
  return answer === "written";
}

const goneOf = (ref: Ref, token: string): Key => goneKey(ref, digest(token));

/** DELETE-4: whether the execution that a start with this token had begun was deleted. */
export async function isGone(c: Context, ref: Ref, token: string): Promise<boolean> {
  const item = await c.tables.executions.get(goneOf(ref, token));
  return item !== null && !isExpired(item, c.clock.now());
}

async function hiddenRun(c: Context, item: Item): Promise<HiddenRun> {
  const status = text(item, "status");
  const failed = status === "FAILED" || status === "TIMED_OUT";
  const closing = failed ? closingIn(item) : null;
  const last = closing ? (await readable(() => batchOf(c, closing)))?.events.at(-1) : undefined;
  return {
    run: text(item, "run")!,
    chain: text(item, "chain")!,
    started_at: number(item, INDEXES.runs.sort)!,
    ...(failed && {
      failed: { workflow: text(item, "workflow")!, deployment: text(item, "deployment")!, ...(last && { last }) },
    }),
  };
}

const objectsOf = (item: Item): string[] => Object.values(item).flatMap((value) => blobOf(value) ?? []);

/** DELETE-2: before another start may have the id. The tombstone says that this is not done. */
export async function unlist(c: Context, ref: Ref, tombstone: Item): Promise<void> {
  const note = await c.tables.executions.get(eraseKey(ref, number(tombstone, "fence")!));
  if (note) await removeRuns(c, ref, await unpack<Hidden>(c.blobs, note.hidden!));
}

/** The items by which the runs, and their log records, are found. */
async function removeRuns(c: Context, ref: Ref, { runs }: Hidden): Promise<void> {
  const { executions } = c.tables;
  await forEachConcurrent(CONCURRENCY, runs, async ({ run, started_at }) => {
    await executions.delete(runKey(ref, run));
    if (needsPointer(run, started_at)) await executions.delete(pointerKey(ref.workspace, run));
  });
  const mine = new Set(runs.map(({ run }) => run));
  for await (const page of executions.pages(within(pkOf(ref), { prefix: RECORDS }))) {
    await forEachConcurrent(CONCURRENCY, page, async (item) => {
      const group = await readable(() => unpack<Pick<LogGroup, "run">>(c.blobs, item.group!));
      if (!group || !mine.has(group.run)) return;
      // A later start may use the place again.
      const at = item[INDEXES.due.sort]!;
      await executions.delete(keyOf(item), { expression: `${INDEXES.due.sort} = :at`, values: { ":at": at } });
    });
  }
}

const keyOf = (item: Item): Key => ({ pk: text(item, "pk")!, sk: text(item, "sk")! });

/** Works off the notes of the execution. */
export async function erase(c: Context, ref: Ref, until: Millis): Promise<void> {
  const notes = await c.tables.executions.query(within(pkOf(ref), { prefix: "ERASE#" }));
  for (const note of notes) if (!note.again) await eraseNote(c, note, until);
}

/** Repeating the work is harmless. What is left at `until` is left to the next round of the sweeper. */
export async function eraseNote(c: Context, note: Item, until: Millis): Promise<void> {
  const ref = refOf(text(note, "pk")!);
  const { executions } = c.tables;
  const whole = await executions.get(keyOf(note)); // the index has the keys alone
  if (!whole) return;
  const hidden = await unpack<Hidden>(c.blobs, whole.hidden!);
  await removeRuns(c, ref, hidden);
  if (!whole.again) {
    await executions.update(headKey(ref), "REMOVE listed", {
      condition: "#status = :deleted AND #fence = :fence",
      names: placeholders("status", "fence"),
      values: { ":deleted": S(TOMBSTONE), ":fence": N(fenceOf(note)) },
    });
    await forgetFailures(c, ref, hidden.runs);
    await deleteObjects(c, hidden.objects);
  }
  for (const run of hidden.runs) {
    if (c.clock.now() >= until) return;
    await eraseRun(c, ref, run.run);
  }
  for (const chain of new Set(hidden.runs.map((run) => run.chain))) {
    await eraseWithin(c, ref, inboxPrefix(chain));
    await executions.delete(messageCounterKey(ref, chain));
  }
  const { eraseFromFeed } = await import("./erase-feed.ts");
  const reached = (sequence: number) =>
    executions.update(keyOf(note), "SET fed = :fed", {
      condition: "attribute_exists(pk)",
      values: { ":fed": N(sequence) },
    });
  if (!(await eraseFromFeed(c, ref.workspace, hidden, { from: number(whole, "fed"), until, reached }))) return;
  if (!whole.again) {
    await executions.update(keyOf(note), `SET again = :true, ${INDEXES.due.sort} = :late REMOVE fed`, {
      condition: "attribute_exists(pk)",
      values: { ":true": { BOOL: true }, ":late": N(c.clock.now() + LATE_MS) },
    });
    return;
  }
  await deleteObjects(c, objectsOf(whole));
  await executions.delete(keyOf(note));
}

const fenceOf = (note: Item): number => Number(text(note, "sk")!.slice("ERASE#".length));

/** The log of the run, and what is known of its activities. */
export async function eraseRun(c: Context, ref: Ref, run: string): Promise<void> {
  for (const prefix of [logPrefix(run), activityPrefix(run), progressPrefix(run)]) await eraseWithin(c, ref, prefix);
  await c.tables.executions.delete(expiryKey(ref, run));
}

/** The objects first: an item names them until they are gone. */
async function eraseWithin(c: Context, ref: Ref, prefix: string): Promise<void> {
  for await (const page of c.tables.executions.pages(within(pkOf(ref), { prefix }))) {
    await forEachConcurrent(CONCURRENCY, page, async (item) => {
      await deleteObjects(c, objectsOf(item));
      await c.tables.executions.delete(keyOf(item));
    });
  }
}

const deleteObjects = (c: Context, keys: readonly string[]): Promise<void> =>
  forEachConcurrent(CONCURRENCY, keys, (key) => c.blobs.delete(key));

/** DELETE-5. Before the logs are deleted, because the last batch tells the failure. */
async function forgetFailures(c: Context, ref: Ref, runs: readonly HiddenRun[]): Promise<void> {
  for (const { run, started_at, failed } of runs) {
    if (!failed) continue;
    const { last = await readable(() => lastEvent(c, ref, run)), ...told } = failed;
    if (!last) continue;
    const facts = { ...told, started_at, run, execution: ref.execution };
    await new AwsRollups(c).forget(ref.workspace, closedRun(facts, { events: [last] }, 0), c.settings.retentionMs);
  }
}

async function lastEvent(c: Context, ref: Ref, run: string): Promise<HistoryEvent | undefined> {
  const range = within(pkOf(ref), { prefix: logPrefix(run) });
  const last = await c.tables.executions.first({ ...range, ScanIndexForward: false });
  return last ? (await batchOf(c, last)).events.at(-1) : undefined;
}

/** When the execution was deleted, by the item in the place of its head. */
export async function deletedAt(c: Context, ref: Ref): Promise<Millis | null> {
  const item = await c.tables.executions.get(headKey(ref));
  return item && isTombstone(item) && !isExpired(item, c.clock.now()) ? (number(item, "deleted_at") ?? null) : null;
}
