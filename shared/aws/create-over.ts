/**
 * The start under an id that has a head already, loaded at its first use: a start that is repeated, one that is refused, and one
 * over a final head.
 */
import type { Head } from "../protocol/head.ts";
import type { ExecutionStatus } from "../protocol/status.ts";
import type { Context } from "./context.ts";
import { all, HAS_FENCE, HAS_STATUS, placeholders } from "./head-expressions.ts";
import { decodeHead, type EncodedHead, isExpired, isTombstone, requireFence, TOMBSTONE } from "./heads.ts";
import { runKey } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { overFinal } from "./over-final.ts";
import { expireValue } from "./pack.ts";
import { pastRunItem } from "./run-items.ts";
import { ABSENT, type Item, N, number, S, text, type Written } from "./table.ts";

interface Start {
  readonly head: Head;
  readonly encoded: EncodedHead;
  readonly item: Item;
  readonly over: readonly ExecutionStatus[];
  /** Only over the head of this run. */
  readonly seen: string | undefined;
  /** The head that has the id. Null: it has been deleted since. */
  readonly found: Item | null;
}

/** Null: the head was put. Else the head of the execution that has the id; `deleted`: as the port says. */
export async function createOver(
  c: Context,
  { head, encoded, item, over, seen, found }: Start,
): Promise<Head | "deleted" | null> {
  const table = c.tables.executions;
  const discard = () => Promise.all(encoded.blobs.map(({ attribute }) => expireValue(c.blobs, attribute)));
  let put: Written = { ok: false, found };
  while (!put.ok) {
    const old: Item | null = put.found;
    if (!old) {
      put = await table.put(item, ABSENT); // DynamoDB has deleted the expired head since
      continue;
    }
    await requireFence(old);
    const { isGone, unlist } = await import("./deletion.ts");
    if (isTombstone(old)) {
      if (await isGone(c, head, head.token)) {
        await discard();
        return "deleted";
      }
      if (old.listed) await unlist(c, head, old); // DELETE-2
      put = await table.put(
        { ...item, fence: N(number(old, "fence")! + 1) },
        {
          expression: all(HAS_STATUS, HAS_FENCE),
          names: placeholders("status", "fence"),
          values: { ":status": S(TOMBSTONE), ":fence": old.fence! },
        },
      );
      continue;
    }
    const expired = isExpired(old, c.clock.now());
    const isFinal = over.includes(text(old, "status") as ExecutionStatus) && old[INDEXES.due.sort] === undefined;
    const givesWay = isFinal && (seen === undefined || text(old, "run") === seen);
    const there = expired ? null : await decodeHead(c.blobs, old);
    // A head with the same token is this very start, repeated, even if the execution has closed since.
    if (there && (!givesWay || there.token === head.token)) {
      if (there.run !== head.run) await discard();
      return there;
    }
    // This very start, whose id has been used again. Its run got an item of its own before `old` was written. It is looked for
    // first: a deletion that lost to `old` had marked the token before.
    const earlier = await table.get(runKey(head, head.run));
    if (earlier) return decodeHead(c.blobs, earlier);
    if (await isGone(c, head, head.token)) {
      await discard();
      return "deleted";
    }
    if (!expired) await table.put(pastRunItem(head, old)); // the old run stays listed under its own key
    put = await table.put(
      { ...item, fence: N(number(old, "fence")! + 1) },
      overFinal({ run: text(old, "run")!, fence: number(old, "fence")! }),
    );
  }
  return null;
}
