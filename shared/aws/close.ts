/**
 * **close**: the only transaction. The closing batch and the head; with them, where it is needed, the item of the run
 * that a continued one leaves behind, its pointer (KEY-2), and the note that its items want an expiry (`retention.ts`).
 */
import { type TransactWriteItem, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
import type { Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Batch } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { decodeHead, dueAttributes, encodeHead, packField } from "./heads.ts";
import { expiryKey, expiryShardOf, headKey, needsPointer, pkOf, pointerKey, runKey, ttlSeconds } from "./keys.ts";
import type { Log, Upto } from "./log.ts";
import { INDEXES } from "./names.ts";
import { type Packed, upload } from "./pack.ts";
import { type Item, keyItem, N, pause, S, text } from "./table.ts";

export interface CloseRequest {
  readonly run: string;
  readonly fence: number | null;
  readonly batch: Batch;
  readonly next: Head;
}
export type CloseAnswer = { kind: "closed" } | { kind: "conflict" } | { kind: "fenced"; head: Head | null };

const CONFLICTS = 12;

export async function close(c: Context, log: Log, ref: Ref, p: CloseRequest): Promise<CloseAnswer> {
  const at = await log.position(ref, p.run, p.batch.first);
  if (at.kind === "taken") {
    const head = await readHead(c, ref);
    return isMine(head, p) ? { kind: "conflict" } : { kind: "fenced", head };
  }
  const entry = await log.encode(ref, p.run, p.batch, at.upto);
  const final = p.next.run === p.run;
  const prepared = final ? await ending(c, ref, p, entry.next) : await continuing(c, ref, p, entry.next);
  if ("kind" in prepared) return prepared;
  await upload(c.blobs, [entry.packed, ...prepared.blobs]); // PACK-1
  const TableName = c.tables.executions.name;
  const condition = { ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const };
  const batch = { TableName, Item: entry.item, ConditionExpression: "attribute_not_exists(pk)", ...condition };
  const answer = await transact(c, [prepared.head(TableName), { Put: batch }, ...prepared.more(TableName)]);
  if (answer === "written") {
    log.written(ref, p.run, entry.next);
    return { kind: "closed" };
  }
  if (answer.head !== undefined) {
    return { kind: "fenced", head: answer.head ? await decodeHead(c.blobs, answer.head) : null };
  }
  return { kind: "conflict" };
}

async function readHead(c: Context, ref: Ref): Promise<Head | null> {
  const item = await c.tables.executions.get(headKey(ref));
  return item ? decodeHead(c.blobs, item) : null;
}
const isMine = (head: Head | null, p: CloseRequest): boolean =>
  head?.status === "RUNNING" && head.run === p.run && (p.fence === null || head.fence === p.fence);

/** What the transaction holds besides the batch. */
interface Prepared {
  readonly blobs: readonly Packed[];
  head(table: string): TransactWriteItem;
  more(table: string): TransactWriteItem[];
}

const NAMES = { "#status": "status", "#run": "run", "#fence": "fence" };

/** The head becomes final: only what a close changes is written. */
async function ending(c: Context, ref: Ref, p: CloseRequest, upto: Upto): Promise<Prepared> {
  const { next, run } = p;
  const closedAt = next.closed_at ?? c.clock.now();
  const set: Item = { "#status": S(next.status), closed_at: N(closedAt) };
  const remove = ["wake_pending", "promised", "fresh"];
  const blobs: Packed[] = [];
  for (const field of ["result", "failure", "outbox"] as const) {
    const packed = await packField(ref, run, field, next[field]);
    if (packed) {
      set[`#${field}`] = packed.attribute;
      blobs.push(packed);
    } else remove.push(`#${field}`);
  }
  if (next.due_at !== null) Object.assign(set, dueAttributes(pkOf(ref), next.due_at));
  else {
    remove.push(INDEXES.due.partition, INDEXES.due.sort);
    set["#ttl"] = N(ttlSeconds(closedAt + c.settings.retentionMs)); // else `settle` gives it
  }
  const values: Item = { ":running": S("RUNNING"), ":run": S(run), ":one": N(1) };
  if (p.fence !== null) values[":fence"] = N(p.fence);
  const assignments = Object.entries(set).map(([name, value], i) => {
    values[`:v${i}`] = value;
    return `${name} = :v${i}`;
  });
  const names = Object.fromEntries(
    [...Object.keys(set), ...remove].filter((n) => n.startsWith("#")).map((n) => [n, n.slice(1)]),
  );
  const inS3 = await Promise.all(
    (["input", "carried", "extensions"] as const).map((field) => packField(ref, run, field, next[field])),
  );
  const wantsExpiry =
    upto.ttl === undefined || upto.blobs || irregular(run, next) || [...blobs, ...inS3].some((x) => x?.blob);
  return {
    blobs,
    head: (TableName) => ({
      Update: {
        TableName,
        Key: keyItem(headKey(ref)),
        UpdateExpression: `SET ${assignments.join(", ")}, #fence = #fence + :one REMOVE ${remove.join(", ")}`,
        ConditionExpression: mine(p),
        ExpressionAttributeNames: { ...NAMES, ...names },
        ExpressionAttributeValues: values,
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    }),
    more: (table) => (wantsExpiry ? [expiry(ref, run, closedAt, irregular(run, next), table)] : []),
  };
}

const mine = (p: CloseRequest): string =>
  `#status = :running AND #run = :run${p.fence === null ? "" : " AND #fence = :fence"}`;

/** The head passes to the next run; the old one stays as an item of its own. */
async function continuing(c: Context, ref: Ref, p: CloseRequest, upto: Upto): Promise<Prepared | CloseAnswer> {
  const old = await c.tables.executions.get(headKey(ref));
  const head = old ? await decodeHead(c.blobs, old) : null;
  if (!old || !head || !isMine(head, p)) return { kind: "fenced", head };
  const next = await encodeHead({ ...p.next, fence: head.fence + 1 });
  const closedAt = p.next.started_at;
  const left = leftBehind(ref, old, {
    status: S("CONTINUED_AS_NEW"),
    closed_at: N(closedAt),
    ttl: N(ttlSeconds(closedAt + c.settings.retentionMs)),
  });
  const wantsExpiry =
    upto.ttl === undefined || upto.blobs || irregular(p.run, head) || JSON.stringify(old).includes('"s3"');
  return {
    blobs: next.blobs,
    head: (TableName) => ({
      Put: {
        TableName,
        Item: next.item,
        ConditionExpression: mine({ ...p, fence: head.fence }),
        ExpressionAttributeNames: NAMES,
        ExpressionAttributeValues: { ":running": S("RUNNING"), ":run": S(p.run), ":fence": N(head.fence) },
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    }),
    more: (TableName) => [
      { Put: { TableName, Item: left } },
      ...(wantsExpiry ? [expiry(ref, p.run, closedAt, irregular(p.run, head), TableName)] : []),
      ...(irregular(p.next.run, p.next) ? [{ Put: { TableName, Item: pointerItem(ref, p.next.run) } }] : []),
    ],
  };
}

/** The item of a run that is not the head's any more. */
export function leftBehind(ref: Ref, head: Item, over: Item = {}): Item {
  const { fresh: _fresh, wake_pending: _wakePending, promised: _promised, ...rest } = head;
  delete rest[INDEXES.due.partition];
  delete rest[INDEXES.due.sort];
  return { ...rest, ...keyItem(runKey(ref, text(head, "run")!)), ...over };
}

const irregular = (run: string, of: Pick<Head, "started_at">): boolean => needsPointer(run, of.started_at);
export const pointerItem = (ref: Ref, run: string): Item => ({
  ...keyItem(pointerKey(ref.workspace, run)),
  execution: S(ref.execution),
});

function expiry(ref: Ref, run: string, at: number, hasPointer: boolean, TableName: string): TransactWriteItem {
  const key = expiryKey(ref, run);
  const due = { [INDEXES.due.partition]: S(expiryShardOf(key.pk)), [INDEXES.due.sort]: N(at) };
  return { Put: { TableName, Item: { ...keyItem(key), ...due, ...(hasPointer && { pointer: { BOOL: true } }) } } };
}

/** `head`: what stood where the head's condition failed, null = nothing. */
async function transact(c: Context, items: TransactWriteItem[]): Promise<"written" | { head?: Item | null }> {
  for (let tries = 1; ; tries++) {
    try {
      await c.clients.dynamo.send(new TransactWriteItemsCommand({ TransactItems: items }));
      return "written";
    } catch (error) {
      const reasons = (error as { CancellationReasons?: { Code?: string; Item?: Item }[] }).CancellationReasons;
      if (!reasons) throw error;
      if (reasons[0]?.Code === "ConditionalCheckFailed") return { head: reasons[0].Item ?? null };
      if (reasons[1]?.Code === "ConditionalCheckFailed") return {};
      // Another transaction on these items, or a throttled partition: neither has decided anything.
      const passing = reasons.some((r) => PASSING.has(r.Code ?? ""));
      if (!passing || tries >= CONFLICTS) throw error;
      await pause(tries);
    }
  }
}
const PASSING = new Set(["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]);
