/** Writes several items or none. */
import { type TransactWriteItem, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
import type { Context } from "./context.ts";
import { type Item, pause } from "./table.ts";

const CONFLICTS = 12;

/**
 * Only the conditions of the first two items may fail. `first`: the item that failed the condition of the first, null = there
 * was none. Absent: the condition of the second failed. The SDK repeats a lost call under the same token, so it is one write.
 */
export async function transact(
  c: Pick<Context, "clients">,
  items: TransactWriteItem[],
): Promise<"written" | { first?: Item | null }> {
  for (let tries = 1; ; tries++) {
    try {
      await c.clients.dynamo.send(new TransactWriteItemsCommand({ TransactItems: items }));
      return "written";
    } catch (error) {
      const reasons = (error as { CancellationReasons?: { Code?: string; Item?: Item }[] }).CancellationReasons;
      if (!reasons) throw error;
      if (reasons[0]?.Code === "ConditionalCheckFailed") return { first: reasons[0].Item ?? null };
      if (reasons[1]?.Code === "ConditionalCheckFailed") return {};
      // A conflict with another transaction, or a throttled partition: nothing was written, so the call is repeated.
      const passing = reasons.some((r) => PASSING.has(r.Code ?? ""));
      if (!passing || tries >= CONFLICTS) throw error;
      await pause(tries);
    }
  }
}
const PASSING = new Set(["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]);
