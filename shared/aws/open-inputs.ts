/**
 * Executions that wait for a person: the attributes of their heads, and the shards of the sparse index `inputs`, the longest
 * wait first. Loaded at the first use.
 */
import { isUnreadable } from "../lib/readable.ts";
import type { OpenInputsQuery, Ref, WaitingExecution } from "../ports.ts";
import type { OpenInputs } from "../protocol/head.ts";
import type { Context } from "./context.ts";
import { all, IS_RUNNING, OF_RUN, placeholders } from "./head-expressions.ts";
import { decodeHead, inputsAttributes, isExpired } from "./heads.ts";
import { HEAD, headKey, INPUT_SHARDS, inputsShard, refOf } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { type Candidate, compare, inStartOrder } from "./runs-order.ts";
import { type Item, N, number, S, type Table, text } from "./table.ts";

export async function setOpenInputs(
  table: Table,
  ref: Ref,
  run: string,
  p: { seen: OpenInputs | undefined; next: OpenInputs },
): Promise<boolean> {
  const { partition, sort } = INDEXES.inputs;
  const set = Object.entries(inputsAttributes(ref, p.next));
  const none = p.next.since === null ? ` REMOVE ${partition}, ${sort}` : "";
  const same = p.seen === undefined ? "attribute_not_exists(open_inputs)" : "open_inputs = :seen";
  const done = await table.update(
    headKey(ref),
    `SET ${set.map(([name], i) => `${name} = :v${i}`).join(", ")}${none} ADD n_changes :one`,
    {
      condition: all(IS_RUNNING, OF_RUN, same),
      names: placeholders("status", "run"),
      values: {
        ":running": S("RUNNING"),
        ":run": S(run),
        ":one": N(1),
        ...(p.seen && { ":seen": S(JSON.stringify(p.seen)) }),
        ...Object.fromEntries(set.map(([, value], i) => [`:v${i}`, value])),
      },
    },
  );
  return done.ok;
}

/** The index gives candidates; an execution is listed as its head is now. */
export async function openInputs(c: Context, q: OpenInputsQuery): Promise<WaitingExecution[]> {
  const wanted: Candidate[] = [];
  for await (const candidate of inStartOrder(shards(c, q), "asc")) {
    if (q.after && compare(candidate.place, [q.after.since, q.after.execution]) < 0) continue;
    wanted.push(candidate);
    if (wanted.length >= q.limit) break;
  }
  const keys = wanted.map(({ item }) => ({ pk: text(item, "pk")!, sk: HEAD }));
  const items = await c.tables.executions.getAll(keys);
  const now = c.clock.now();
  const heads = await Promise.all(
    items
      .filter((item) => !isExpired(item, now))
      .map((item) =>
        decodeHead(c.blobs, item).catch((error) => {
          if (!isUnreadable(error)) throw error;
          c.readable.leftOut(`execution ${text(item, "pk")}`, error);
          return null;
        }),
      ),
  );
  const byExecution = new Map(heads.filter((head) => head !== null).map((head) => [head.execution, head]));
  return wanted.map(({ place: [since, execution] }) => ({
    since,
    execution,
    head: byExecution.get(execution) ?? null,
  }));
}

function shards(c: Context, q: OpenInputsQuery): AsyncGenerator<Candidate[]>[] {
  const { name, partition, sort } = INDEXES.inputs;
  return Array.from({ length: INPUT_SHARDS }, (_, shard) =>
    candidatesOf(
      c.tables.executions.pages({
        IndexName: name,
        KeyConditionExpression: `${partition} = :shard AND ${sort} >= :from`,
        ...(q.workflow !== undefined && { FilterExpression: "workflow = :workflow" }),
        ExpressionAttributeValues: {
          ":shard": S(inputsShard(q.workspace, shard)),
          ":from": N(q.after?.since ?? 0),
          ...(q.workflow !== undefined && { ":workflow": S(q.workflow) }),
        },
        limit: () => (q.workflow === undefined ? q.limit + 1 : undefined),
      }),
    ),
  );
}

async function* candidatesOf(pages: AsyncGenerator<Item[]>): AsyncGenerator<Candidate[]> {
  for await (const page of pages) {
    yield page.map((item) => ({
      item,
      place: [number(item, INDEXES.inputs.sort)!, refOf(text(item, "pk")!).execution],
    }));
  }
}
