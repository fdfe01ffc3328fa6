/**
 * The stored form of the feed: an item holds many events and has the sequence of its first event as its key.
 *
 * FEED-1. Sequences of a workspace are dense, and an item changes in no other way than FEED-4 says. After each item there is
 *     exactly one key for the next, and an append is a conditional put at that key. So a reader always sees a prefix of the
 *     feed: no event appears below a delivered one, however many writers there are. No counter is needed.
 * FEED-2. Items expire. The item `ANCHOR` keeps a sequence from being used again when all items have expired: its limit is
 *     at least as high as every sequence of an acknowledged record. A writer raises it in steps of a thousand, after an
 *     append and before it acknowledges the record. So an anchor without items means that the items have expired. Raised
 *     before the append, it would let a second writer skip sequences that the first is about to use.
 * FEED-3. Each segment names its source (a batch, a start, a progress report), so that a writer recognises a record that is
 *     delivered twice. The closing batch of a run has a segment even without events, so that a reader knows the end.
 * FEED-4. The events of a deleted execution are taken out of their segments, which keep source and number of sequences: so
 *     places, ends and what a writer remembers stay as they are. It is done when the logs are erased, and once more an hour later
 *     (DELETE-3), for what a writer has appended since. Large events are not in the segments but in the items that are erased.
 */
import type { PublicEvent } from "../core/present.ts";
import type { Millis } from "../protocol/history.ts";
import type { Blobs } from "./blobs.ts";
import { unpack } from "./pack.ts";
import { type Item, type Key, number, text } from "./table.ts";

export interface FeedSegment {
  /** `<run>#<first event>`, `PROGRESS#<run>#<id>`, or `COUNTED#` and one of these. */
  readonly source: string;
  /** Sequences it takes, at least 1. */
  readonly n: number;
  /** Its events, by their offset from the segment's first sequence. Absent: they are too large or unreadable, and `from` names them. */
  readonly events?: readonly { readonly at: number; readonly event: PublicEvent }[];
  /** Key of the item in the table Executions that holds the events. Present iff `events` is absent. */
  readonly from?: Key;
  /** The writer could not read the item (PLACEHOLDER-1). */
  readonly placeholder?: true;
}

export interface Stored {
  readonly first: number;
  readonly n: number;
  /** Time of the append. */
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
