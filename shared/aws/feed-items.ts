/**
 * How the feed is stored: items of many events, each under the sequence of its first.
 *
 * FEED-1. Sequences of a workspace are dense, and an item never changes: after each item there is exactly one place for the
 *     next, and a conditional put there is the only way to append. So what a reader sees is always a prefix (nothing
 *     appears below what was delivered), whoever writes, and no counter is needed.
 * FEED-2. Items expire. What keeps a sequence from being used again when all have is `ANCHOR`: its limit is at least as high
 *     as every sequence of a record that was acknowledged. It is raised, by the thousand, after an append and before the
 *     record is acknowledged: so whoever finds an anchor and then no item knows that there were items and that they have
 *     expired. Raised before the append it would send a second writer of a new feed behind places that the first is about
 *     to take.
 * FEED-3. Each part names its source (a batch, a start, a piece of progress): that is how a record that is delivered twice is
 *     recognised. The closing batch of a run has a part even if it shows nothing, so that a reader knows the end.
 */
import type { PublicEvent } from "../core/present.ts";
import type { Millis } from "../protocol/history.ts";
import type { Blobs } from "./blobs.ts";
import { unpack } from "./pack.ts";
import { type Item, type Key, number, text } from "./table.ts";

export interface FeedSegment {
  /** `<run>#<first event>`, or `PROGRESS#<run>#<id>`. */
  readonly source: string;
  /** Sequences it takes, at least 1. */
  readonly n: number;
  /** Its events, by their offset from the part's first sequence. Absent: read them from where they came from. */
  readonly events?: readonly { readonly at: number; readonly event: PublicEvent }[];
  /** Present iff `events` is absent: the key of the item, in the table Executions. */
  readonly from?: Key;
}

export interface Stored {
  readonly first: number;
  readonly n: number;
  /** When it was appended. */
  readonly at: Millis;
  readonly segments: readonly FeedSegment[];
}

const PREFIX = "E#";
export const itemKey = (workspace: string, first: number): Key => ({
  pk: workspace,
  sk: PREFIX + String(first).padStart(16, "0"),
});
export const anchorKey = (workspace: string): Key => ({ pk: workspace, sk: "ANCHOR" });
export const HIGHEST = Number.MAX_SAFE_INTEGER;
export const firstSequence = (item: Item): number => Number(text(item, "sk")!.slice(PREFIX.length));
export const endOf = (item: Item): number => firstSequence(item) + number(item, "n")! - 1;

export async function decodeStored(blobs: Blobs, item: Item): Promise<Stored> {
  return {
    first: firstSequence(item),
    n: number(item, "n")!,
    at: number(item, "at")!,
    segments: await unpack<FeedSegment[]>(blobs, item.segments!),
  };
}
