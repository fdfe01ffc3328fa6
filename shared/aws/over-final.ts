/** The write over a final head: of a start, a reset, a deletion. One of them wins, because each raises the fence. */
import type { Ref } from "../ports.ts";
import type { Context } from "./context.ts";
import { all, HAS_FENCE, IS_FINAL, OF_RUN, placeholders } from "./head-expressions.ts";
import { headKey } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { type Condition, type Item, N, number, S, text } from "./table.ts";

interface Seen {
  readonly run: string;
  readonly fence: number;
}

/** The head's item if it is final, not due, and as the caller saw it; else null. */
export async function finalHead(c: Context, ref: Ref, seen: Seen): Promise<Item | null> {
  const item = await c.tables.executions.get(headKey(ref));
  const same =
    item &&
    text(item, "run") === seen.run &&
    number(item, "fence") === seen.fence &&
    text(item, "status") !== "RUNNING" &&
    item[INDEXES.due.sort] === undefined;
  return same ? item : null;
}

export const overFinal = ({ run, fence }: Seen): Condition => ({
  expression: all(OF_RUN, HAS_FENCE, IS_FINAL),
  names: placeholders("run", "fence", "status"),
  values: { ":run": S(run), ":fence": N(fence), ":running": S("RUNNING") },
});

/** The same as the first item of a transaction. */
export const putOverFinal = (TableName: string, Item: Item, seen: Seen) => putIf(TableName, Item, overFinal(seen));

export function putIf(TableName: string, Item: Item, { expression, names, values }: Condition) {
  return {
    Put: {
      TableName,
      Item,
      ConditionExpression: expression,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
    },
  };
}
