/**
 * **close**: the closing batch and the head. A run that nobody but its owner has touched closes in one write of the head,
 * which holds the batch (LOG-6). Every other close is the only transaction: a continued run adds the past run's own item
 * and, if its id needs one, the next run's pointer (KEY-2). A run whose items have no expiry yet adds a note for
 * `retention.ts`.
 */
import type { AttributeValue, TransactWriteItem } from "@aws-sdk/client-dynamodb";
import type { Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import { type Batch, CLOSING, isClosing, type Millis } from "../protocol/history.ts";
import { FIRST_CLAIM } from "./closing-batch.ts";
import type { Context } from "./context.ts";
import { all, HAS_FENCE, IS_RUNNING, OF_RUN, placeholders, RAISE_FENCE } from "./head-expressions.ts";
import { decodeHead, dueAttributes, encodeHead, isTombstone, packField } from "./heads.ts";
import { expiryKey, expiryShardOf, headKey, needsPointer, pkOf, ttlSeconds } from "./keys.ts";
import type { Log } from "./log.ts";
import { encode, type LogEntry } from "./log-entry.ts";
import { FED, INDEXES } from "./names.ts";
import { type Packed, upload } from "./pack.ts";
import { pastRunItem, pointerItem } from "./run-items.ts";
import { ABSENT, type Item, keyItem, N, S } from "./table.ts";
import { transact } from "./transact.ts";
import { itemBytes, plus, usedIn, usedText, writeUnits } from "./units.ts";

/** The log of a run that a reset prepares gets its expiry after this, if no head names the run by then. */
export const PREPARED_MS: Millis = 3_600_000;

/** Of the attributes `used` and `close_bytes`. */
const COUNTS_BYTES = 44;

/** Of a note, in a transaction, with its entry in `due`. */
const NOTE_UNITS = 3;

export interface CloseRequest {
  readonly run: string;
  readonly fence: number | null;
  readonly batch: Batch;
  readonly next: Head;
}
export type CloseAnswer = { kind: "closed" } | { kind: "conflict" } | { kind: "fenced"; head: Head | null };

export async function close(c: Context, log: Log, ref: Ref, p: CloseRequest): Promise<CloseAnswer> {
  const at = await log.position(ref, p.run, p.batch.first);
  if (at.kind === "taken") {
    const head = await readHead(c, ref);
    return isOwned(head, p) ? { kind: "conflict" } : { kind: "fenced", head };
  }
  const entry = await encode(c, {
    ref,
    run: p.run,
    batch: p.batch,
    before: at.end,
    by: p.fence === null ? "server" : "worker",
  });
  const final = p.next.run === p.run;
  if (final && mayBeAlone(p, entry)) {
    const answer = await closeInHead(c, ref, p, entry);
    if (answer?.kind === "closed") log.written(ref, p.run, entry.end);
    if (answer) return answer;
  }
  const prepared = final ? await finalHead(c, ref, p, entry) : await continuedHead(c, ref, p, entry);
  if ("kind" in prepared) return prepared;
  await upload(c.blobs, [entry.packed, ...prepared.blobs]); // PACK-1
  const TableName = c.tables.executions.name;
  const condition = { ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const };
  const batch = { TableName, Item: entry.item, ConditionExpression: ABSENT.expression, ...condition };
  const answer = await transact(c, [prepared.head(TableName), { Put: batch }, ...prepared.more(TableName)]);
  if (answer === "written") {
    log.written(ref, p.run, entry.end);
    return { kind: "closed" };
  }
  if (answer.first !== undefined) {
    return { kind: "fenced", head: await headIn(c, answer.first) };
  }
  return { kind: "conflict" };
}

async function readHead(c: Context, ref: Ref): Promise<Head | null> {
  return headIn(c, await c.tables.executions.get(headKey(ref)));
}
const headIn = async (c: Context, item: Item | null): Promise<Head | null> =>
  item && !isTombstone(item) ? decodeHead(c.blobs, item) : null;
const isOwned = (head: Head | null, p: CloseRequest): boolean =>
  head?.status === "RUNNING" && head.run === p.run && (p.fence === null || head.fence === p.fence);

/** The items of the transaction besides the batch, and the objects that must be in S3 before them. */
interface Prepared {
  readonly blobs: readonly Packed[];
  head(table: string): TransactWriteItem;
  more(table: string): TransactWriteItem[];
}

const NAMES = placeholders("status", "run", "fence");

/**
 * LOG-6. Runs that tell a parent or a schedule are not among them: their heads change again, and each change would put the
 * batch into the change stream once more.
 */
const mayBeAlone = ({ fence, next }: CloseRequest, { packed, end }: LogEntry): boolean =>
  fence === FIRST_CLAIM &&
  (next.status === "COMPLETED" || next.status === "FAILED") &&
  next.due_at === null &&
  !packed.blob &&
  end.ttl !== undefined;

/** Null: a transaction is needed. */
async function closeInHead(c: Context, ref: Ref, p: CloseRequest, entry: LogEntry): Promise<CloseAnswer | null> {
  const { blobs, update, wantsExpiry } = await finalHead(c, ref, p, entry, true);
  if (wantsExpiry) return null;
  await upload(c.blobs, blobs); // PACK-1
  const { UpdateExpression, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues } = update;
  const written = await c.tables.executions.update(headKey(ref), UpdateExpression, {
    condition: all(ConditionExpression, "attribute_not_exists(n_parks)", "attribute_not_exists(n_timers)"),
    names: ExpressionAttributeNames,
    values: ExpressionAttributeValues,
  });
  if (written.ok) return { kind: "closed" };
  const head = await headIn(c, written.found);
  return isOwned(head, p) ? null : { kind: "fenced", head };
}

/** What the head holds of the closing batch. */
function closingAttribute(
  { item: { pk: _pk, sk: _sk, used: _used, ...rest } }: LogEntry,
  first: number,
): AttributeValue {
  return { M: { first: N(first), ...rest } };
}

/** The head becomes final. Only the fields that a close changes are written. `alone`: with the closing batch. */
async function finalHead(c: Context, ref: Ref, p: CloseRequest, entry: LogEntry, alone = false) {
  const { item: batch, end } = entry;
  const { next, run } = p;
  const closedAt = next.closed_at ?? c.clock.now();
  const set: Item = { "#status": S(next.status), closed_at: N(closedAt) };
  const { inputs } = INDEXES;
  const remove = ["wake_pending", "wake_due_at", "fresh", "open_inputs", inputs.partition, inputs.sort];
  const blobs: Packed[] = [];
  for (const field of ["result", "failure", "outbox"] as const) {
    const packed = await packField(ref, run, field, next[field]);
    if (packed) {
      set[`#${field}`] = packed.attribute;
      blobs.push(packed);
    } else remove.push(`#${field}`);
  }
  if (next.due_at !== null) Object.assign(set, dueAttributes(c, pkOf(ref), next.due_at));
  else {
    remove.push(INDEXES.due.partition, INDEXES.due.sort);
    set["#ttl"] = N(ttlSeconds(closedAt + c.settings.retentionMs)); // a head that is still due gets its expiry from `clearOutbox`
  }
  // The outcome is packed already, and what lies in S3 beside it tells whether the run needs a note.
  const before = await encodeHead(c, { ...next, result: null, failure: null, outbox: [] });
  const pointer = hasPointer(run, next);
  const wantsExpiry =
    end.ttl === undefined || end.blobs || pointer || [...blobs, ...before.blobs].some(({ blob }) => blob);
  const bytes = itemBytes(before.item);
  if (alone) set[`#${FED.closing}`] = closingAttribute(entry, p.batch.first);
  const headUnits = writeUnits(bytes + itemBytes(set) + COUNTS_BYTES);
  const writes = alone ? headUnits + 1 : 2 * headUnits + 2 * writeUnits(itemBytes(batch)) + 1;
  const used = plus(usedIn(end.used), {
    // The batch alone is counted in `end`. With an outbox: its entry in `due`, and the write that clears it.
    writes:
      writes -
      writeUnits(itemBytes(batch)) +
      (next.due_at === null ? 0 : 2 + writeUnits(bytes)) +
      (wantsExpiry ? NOTE_UNITS : 0),
  });
  set.used = S(usedText(used));
  set.close_bytes = N(bytes);
  const values: Item = { ":running": S("RUNNING"), ":run": S(run), ":one": N(1) };
  if (p.fence !== null) values[":fence"] = N(p.fence);
  const assignments = Object.entries(set).map(([name, value], i) => {
    values[`:v${i}`] = value;
    return `${name} = :v${i}`;
  });
  const names = Object.fromEntries(
    [...Object.keys(set), ...remove].filter((n) => n.startsWith("#")).map((n) => [n, n.slice(1)]),
  );
  const update = {
    UpdateExpression: `SET ${assignments.join(", ")}, ${RAISE_FENCE} REMOVE ${remove.join(", ")}`,
    ConditionExpression: ownedBy(p),
    ExpressionAttributeNames: { ...NAMES, ...names },
    ExpressionAttributeValues: values,
  };
  return {
    blobs,
    update,
    wantsExpiry,
    head: (TableName: string): TransactWriteItem => ({
      Update: {
        TableName,
        Key: keyItem(headKey(ref)),
        ...update,
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    }),
    more: (table: string) => (wantsExpiry ? [expiryNote(ref, run, closedAt, pointer, table)] : []),
  } satisfies Prepared & Record<string, unknown>;
}

/** The condition of the head. A close without a fence (terminate) succeeds whatever the fence is. */
const ownedBy = ({ fence }: CloseRequest): string => all(IS_RUNNING, OF_RUN, ...(fence === null ? [] : [HAS_FENCE]));

/** The head passes to the next run, and the past run gets an item of its own. */
async function continuedHead(
  c: Context,
  ref: Ref,
  p: CloseRequest,
  { item: batch, end }: LogEntry,
): Promise<Prepared | CloseAnswer> {
  const old = await c.tables.executions.get(headKey(ref));
  const head = await headIn(c, old);
  if (!old || !head || !isOwned(head, p)) return { kind: "fenced", head };
  const last = p.batch.events.at(-1)!;
  if (!isClosing(last)) throw new Error(`a batch that ends with ${last.kind} closes no run`);
  const closedAt = last.at;
  const failure = await packField(ref, p.run, "failure", "reason" in last ? last.reason : null);
  const past = pastRunItem(ref, old, {
    status: S(CLOSING[last.kind]),
    closed_at: N(closedAt),
    ttl: N(ttlSeconds(closedAt + c.settings.retentionMs)),
    ...(failure && { failure: failure.attribute }),
  });
  const pointer = hasPointer(p.run, head);
  const wantsExpiry = end.ttl === undefined || end.blobs || pointer || JSON.stringify(old).includes('"s3"');
  const bytes = itemBytes(old);
  const batchUnits = writeUnits(itemBytes(batch));
  const used = plus(usedIn(end.used), {
    // The head, the past run and the batch in a transaction; the entry of the head in `runs` moves, the past run gets one.
    writes: 4 * writeUnits(bytes) + batchUnits + 3 + (wantsExpiry ? NOTE_UNITS : 0),
  });
  past.used = S(usedText(used));
  past.close_bytes = N(bytes);
  // A continued run is shown by the batch that closes its predecessor, a run that a reset began by its head.
  const { costOf } = await import("./cost.ts");
  const cost = costOf(past, head.cost);
  const next = await encodeHead(c, { ...p.next, cost, fence: head.fence + 1 }, p.next.reset ? { fresh: true } : {});
  return {
    blobs: failure ? [...next.blobs, failure] : next.blobs,
    head: (TableName) => ({
      Put: {
        TableName,
        Item: next.item,
        ConditionExpression: ownedBy({ ...p, fence: head.fence }),
        ExpressionAttributeNames: NAMES,
        ExpressionAttributeValues: { ":running": S("RUNNING"), ":run": S(p.run), ":fence": N(head.fence) },
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    }),
    more: (TableName) => [
      { Put: { TableName, Item: past } },
      ...(wantsExpiry ? [expiryNote(ref, p.run, closedAt, pointer, TableName)] : []),
      ...begun(ref, p.next, TableName),
    ],
  };
}

/** The items of a new run besides its head and its log. */
export function begun(ref: Ref, next: Head, TableName: string): TransactWriteItem[] {
  return [
    ...(hasPointer(next.run, next) ? [{ Put: { TableName, Item: pointerItem(ref, next.run) } }] : []),
    ...(next.reset ? [{ Delete: { TableName, Key: keyItem(expiryKey(ref, next.run)) } }] : []),
  ];
}

const hasPointer = (run: string, of: Pick<Head, "started_at">): boolean => needsPointer(run, of.started_at);

/** `retention.ts` finds it in the index `due` and gives the run's items their expiry. */
function expiryNote(ref: Ref, run: string, at: number, pointer: boolean, TableName: string): TransactWriteItem {
  return { Put: { TableName, Item: { ...expiryItem(ref, run, at), ...(pointer && { pointer: { BOOL: true } }) } } };
}
export function expiryItem(ref: Ref, run: string, at: number): Item {
  const key = expiryKey(ref, run);
  return { ...keyItem(key), [INDEXES.due.partition]: S(expiryShardOf(key.pk)), [INDEXES.due.sort]: N(at) };
}
