/**
 * Updates that are refused beside the history (DECIDE-9). One transaction, under the condition that the head has the fence of
 * the worker, deletes the messages and writes an item for each sender, which looks for it there.
 */
import type { RefusedUpdate } from "../core/decide.ts";
import type { Ref, Refusals } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { all, HAS_FENCE, IS_RUNNING, OF_RUN, placeholders } from "./head-expressions.ts";
import { headKey, messageKey, refusalKey, ttlSeconds } from "./keys.ts";
import { expireValue } from "./pack.ts";
import { keyItem, N, S, text } from "./table.ts";
import { transact } from "./transact.ts";

/** A sender waits for some minutes at most. DynamoDB deletes the item after this, should its sender not. */
const KEPT_MS: Millis = 15 * 60_000;

export async function refuseUpdates(c: Context, ref: Ref, p: Refusals): Promise<boolean> {
  const { name: TableName } = c.tables.executions;
  const keyOf = ({ id }: RefusedUpdate) => messageKey(ref, p.chain, id);
  const found = await Promise.all(p.refused.map(async (update) => ({ update, item: await get(c, keyOf(update)) })));
  const there = found.filter(({ item }) => item !== null);
  const ttl = N(ttlSeconds(c.clock.now() + KEPT_MS));
  // An update that changes nothing: a condition alone needs a right that no function has.
  const head = {
    TableName,
    Key: keyItem(headKey(ref)),
    UpdateExpression: "SET #fence = :fence",
    ConditionExpression: all(IS_RUNNING, OF_RUN, HAS_FENCE),
    ExpressionAttributeNames: placeholders("status", "run", "fence"),
    ExpressionAttributeValues: { ":running": S("RUNNING"), ":run": S(p.run), ":fence": N(p.fence) },
  };
  const written = await transact(c, [
    { Update: head },
    ...there.flatMap(({ update }) => [
      { Delete: { TableName, Key: keyItem(keyOf(update)) } },
      { Put: { TableName, Item: { ...keyItem(refusalKey(ref, update.id)), refusal: S(JSON.stringify(update)), ttl } } },
    ]),
  ]);
  if (written !== "written") return false;
  await Promise.all(there.map(({ item }) => expireValue(c.blobs, item?.message)));
  return true;
}

const get = (c: Context, key: ReturnType<typeof messageKey>) => c.tables.executions.get(key);

export async function takeRefusal(c: Context, ref: Ref, id: string): Promise<RefusedUpdate | null> {
  const key = refusalKey(ref, id);
  const item = await c.tables.executions.get(key);
  if (!item) return null;
  await c.tables.executions
    .delete(key)
    .catch((error) => c.log.warn("update: its refusal is left to expire", { execution: ref.execution, error }));
  return JSON.parse(text(item, "refusal")!) as RefusedUpdate;
}
