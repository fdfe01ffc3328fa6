/**
 * Builds the feed from the change stream of the table Executions. Records of one execution come in order and may come more
 * than once. Several writers may append to one workspace at a time.
 *
 * FEEDWRITER-1. Exactly once: the writer knows the sources of all segments that were appended since a time before its
 *     oldest record (FEEDMEMORY-1, FEEDMEMORY-2). It reads those segments when it begins with a workspace, and learns those
 *     of other writers when they win the position that it wanted.
 * FEEDWRITER-2. A record that fails holds up the later records of its workspace, and of no other workspace.
 */
import { isUnreadable } from "../lib/readable.ts";
import type { Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { anchorKey, decodeStored, endOf, type FeedSegment, HIGHEST, itemKey, type Stored } from "./feed-items.ts";
import { FEW, FeedMemory, MOST_REMEMBERED } from "./feed-memory.ts";
import { Placeholders } from "./feed-placeholders.ts";
import { type Counted, FeedSegments } from "./feed-segments.ts";
import { refOf, ttlSeconds } from "./keys.ts";
import { pack } from "./pack.ts";
import { BucketChanges } from "./rollups.ts";
import { ABSENT, type Item, type Key, keyItem, N, number, text, within } from "./table.ts";
import { transact } from "./transact.ts";

export interface Change {
  /** Answered if the record was not appended: Lambda then delivers it and all later records again. */
  readonly id: string;
  /** Time of the change. DynamoDB gives it in whole seconds. */
  readonly at: Millis;
  readonly image: Item;
}

/** Allowance for clock skew between writers, and for the rounding of a change's time. */
const MARGIN_MS: Millis = 60_000;
const LIMIT_STEP = 1_000;
/** Limits of one item. JSON of this size fits into DynamoDB's 400 KB even if it does not compress. */
const MAX_EVENTS = 500;
const MAX_BYTES = 256 * 1024;
/** A transaction has a hundred items at most, and a segment changes a few buckets. */
const MAX_BUCKETS = 80;
/** Segments that a writer reads when it begins with a workspace: some seconds of an invocation. */
const MAX_READ_BACK = 150_000;
const MAX_WORKSPACES = 500;

/** What the writer knows of one workspace. */
interface Memory {
  next: number;
  /** The limit of the anchor (FEED-2). */
  limit: number;
  readonly sources: FeedMemory;
}

export class FeedWriter {
  readonly #c: Context;
  readonly #segments: FeedSegments;
  readonly #onClosed: (closed: NonNullable<Counted["closed"]>) => void;
  /** In the order of their latest use. */
  readonly #memory = new Map<string, Memory>();

  readonly #placeholders: Placeholders;

  /** `onClosed` is told of each run whose end was appended. `deadLetters`: see `Placeholders`. */
  constructor(
    c: Context,
    o: { onClosed?: (closed: NonNullable<Counted["closed"]>) => void; deadLetters?: string | undefined } = {},
  ) {
    this.#c = c;
    this.#onClosed = o.onClosed ?? (() => {});
    this.#placeholders = new Placeholders(c.clients.sqs, o.deadLetters);
    this.#segments = new FeedSegments(c);
  }

  /**
   * Answers the id of the first record that was not appended, for each workspace that has one. `late`: an operator hands in
   * records that were left out, so that later ones of their runs are in the feed.
   */
  async take(changes: readonly Change[], { late = false } = {}): Promise<string[]> {
    const failed: string[] = [];
    const byWorkspace = Map.groupBy(changes, (change) => refOf(text(change.image, "pk")!).workspace);
    for (const [workspace, some] of byWorkspace) {
      let reached = 0;
      try {
        const segments: Counted[] = [];
        let failure: unknown;
        for (const change of some) {
          try {
            segments.push(...(await this.#segmentsOf(change, late)));
            reached += 1;
          } catch (error) {
            failure = error;
            break;
          }
        }
        const before = reached;
        reached = 0; // if the append fails, all of these records come again
        const oldest = Math.min(...some.map((x) => x.at));
        await this.#append(workspace, segments, oldest, late);
        reached = before;
        if (failure) throw failure;
      } catch (error) {
        this.#memory.delete(workspace);
        this.#c.log.error("feed: records not appended, they are delivered again", { workspace, error });
        failed.push(some[reached]!.id); // FEEDWRITER-2
      }
    }
    return failed;
  }

  /**
   * Fills in what the placeholder of an item has left out (PLACEHOLDER-3), however often it is called. `at`: the time of the change.
   * `gone`: the item has expired, or its execution was deleted.
   */
  async refill({ from, at }: { from: Key; at: Millis }): Promise<"filled in" | "unreadable" | "gone"> {
    try {
      const segments = await this.#segments.again(from);
      if (segments === null) return "gone";
      await this.#append(refOf(from.pk).workspace, segments, at, true);
      return "filled in";
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.#c.log.error("feed: the item of a placeholder cannot be read by this version", { ...from, error });
      return "unreadable";
    }
  }

  async #segmentsOf({ image, at }: Change, late: boolean): Promise<Counted[]> {
    try {
      return await this.#segments.of(image);
    } catch (error) {
      const segment = late ? null : await this.#placeholders.for(image, at, error);
      if (!segment) throw error;
      this.#c.log.error("feed: a record cannot be read, and a placeholder takes its place", { ...segment.from, error });
      return [{ segment, counts: [] }];
    }
  }

  async #append(workspace: string, segments: readonly Counted[], oldest: Millis, late: boolean): Promise<void> {
    if (segments.length === 0) return;
    const there = late ? await this.#sourcesSince(workspace, oldest - MARGIN_MS) : null;
    const memory = await this.#memoryOf(workspace, oldest);
    const large = [...this.#memory.values()].filter(({ sources }) => sources.size > FEW).length;
    memory.sources.forget(oldest - MARGIN_MS, Math.floor(MOST_REMEMBERED / Math.max(1, large)));
    const isNew = ({ segment: { source } }: Counted) => there !== null || !memory.sources.has(source);
    let left = there ? segments.flatMap((one) => lateSegment(one, there)) : segments.filter(isNew);
    while (left.length > 0) {
      const { group, changes } = this.#chunk(workspace, left);
      const n = group.reduce((sum, segment) => sum + segment.n, 0);
      const packed = await pack(JSON.stringify(group), workspace, Number.POSITIVE_INFINITY);
      const now = this.#c.clock.now();
      const item = {
        ...keyItem(itemKey(workspace, memory.next)),
        n: N(n),
        at: N(now),
        segments: packed.attribute,
        ttl: N(ttlSeconds(now + this.#c.settings.retentionMs)),
      };
      if (await this.#put(item, changes)) {
        this.#learn(memory, { first: memory.next, n, at: now, segments: group });
        await this.#raiseLimit(workspace, memory);
        for (const { closed } of left.slice(0, group.length)) if (closed) this.#onClosed(closed);
        left = left.slice(group.length);
      } else {
        await this.#catchUp(workspace, memory); // another writer won this position (FEED-1)
        left = left.filter(isNew);
      }
    }
  }

  /** ROLLUP-2: the item with its counts, or neither. False: another item is there. */
  async #put(item: Item, changes: BucketChanges): Promise<boolean> {
    const { feed } = this.#c.tables;
    if (changes.size === 0) return (await feed.put(item, ABSENT)).ok;
    const put = { TableName: feed.name, Item: item, ConditionExpression: ABSENT.expression };
    return (await transact(this.#c, [{ Put: put }, ...changes.writes(feed.name)])) === "written";
  }

  /** As many of the first segments as one item can hold, at least one. */
  #chunk(workspace: string, segments: readonly Counted[]): { group: FeedSegment[]; changes: BucketChanges } {
    const kept = { now: this.#c.clock.now(), retentionMs: this.#c.settings.retentionMs };
    const changes = new BucketChanges(workspace);
    let events = 0;
    let bytes = 0;
    const group: FeedSegment[] = [];
    for (const { segment, counts } of segments) {
      events += segment.n;
      bytes += Buffer.byteLength(JSON.stringify(segment));
      const full = events > MAX_EVENTS || bytes > MAX_BYTES || changes.size > MAX_BUCKETS;
      if (group.length > 0 && full) break;
      group.push(segment);
      for (const increment of counts) changes.add(increment, kept);
    }
    return { group, changes };
  }

  /** FEEDWRITER-1. */
  async #memoryOf(workspace: string, oldest: Millis): Promise<Memory> {
    const known = this.#memory.get(workspace);
    const since = oldest - MARGIN_MS;
    if (known && known.sources.since <= since) {
      this.#memory.delete(workspace); // it moves to the end
      this.#memory.set(workspace, known);
      return known;
    }
    // The anchor is read before the items: an anchor without items means that they have expired (FEED-2).
    const anchor = await this.#c.tables.feed.get(anchorKey(workspace));
    const sources = new FeedMemory(since);
    let next: number | undefined;
    const newestFirst: Pick<Stored, "at" | "segments">[] = [];
    let read = 0;
    const query = { ...within(workspace, range(workspace, 0)), ScanIndexForward: false };
    reading: for await (const page of this.#c.tables.feed.pages({ ...query, limit: () => 20 })) {
      for (const item of page) {
        next ??= endOf(item) + 1;
        if (number(item, "at")! < since || read >= MAX_READ_BACK) break reading;
        const { at, segments } = await decodeStored(this.#c.blobs, item);
        newestFirst.push({ at, segments: segments.map(({ source, n }) => ({ source, n })) });
        read += segments.length;
      }
    }
    for (const { at, segments } of newestFirst.reverse()) {
      for (const { source } of segments) sources.learn(source, at);
    }
    const limit = (anchor && number(anchor, "limit")) || 0;
    const memory = { next: next ?? limit + 1, limit, sources };
    this.#memory.delete(workspace);
    this.#memory.set(workspace, memory);
    // A workspace that is forgotten is read again at its next record.
    const [longestUnused] = this.#memory.keys();
    if (this.#memory.size > MAX_WORKSPACES) this.#memory.delete(longestUnused!);
    return memory;
  }

  /** The sources of all segments that were appended since, and whether each is a placeholder. */
  async #sourcesSince(workspace: string, since: Millis): Promise<Map<string, boolean>> {
    const sources = new Map<string, boolean>();
    const query = { ...within(workspace, range(workspace, 0)), ScanIndexForward: false };
    for await (const page of this.#c.tables.feed.pages({ ...query, limit: () => 100 })) {
      for (const item of page) {
        if (number(item, "at")! < since) return sources;
        for (const { source, placeholder } of (await decodeStored(this.#c.blobs, item)).segments)
          sources.set(source, placeholder === true);
      }
    }
    return sources;
  }

  async #catchUp(workspace: string, memory: Memory): Promise<void> {
    const items = await this.#c.tables.feed.query(within(workspace, range(workspace, memory.next)));
    for (const item of items) this.#learn(memory, await decodeStored(this.#c.blobs, item));
  }

  #learn(memory: Memory, stored: Stored): void {
    for (const segment of stored.segments) memory.sources.learn(segment.source, stored.at);
    memory.next = Math.max(memory.next, stored.first + stored.n);
  }

  /** FEED-2. A writer that dies before this receives the record again, and raises the limit then. */
  async #raiseLimit(workspace: string, memory: Memory): Promise<void> {
    const last = memory.next - 1;
    if (last <= memory.limit) return;
    const limit = last + LIMIT_STEP;
    await this.#c.tables.feed.update(anchorKey(workspace), "SET #limit = :limit", {
      condition: "attribute_not_exists(#limit) OR #limit < :limit",
      names: { "#limit": "limit" },
      values: { ":limit": N(limit) },
    });
    memory.limit = limit;
  }
}

/** What of a segment is still to be appended when it comes late: all, what its placeholder did not count, or nothing. */
function lateSegment({ segment, counts, closed }: Counted, there: ReadonlyMap<string, boolean>): Counted[] {
  const isPlaceholder = there.get(segment.source);
  if (isPlaceholder === undefined) return [{ segment, counts, ...(closed && { closed }) }];
  const source = `COUNTED#${segment.source}`;
  if (!isPlaceholder || (counts.length === 0 && !closed) || there.has(source)) return [];
  return [{ segment: { source, n: 1, events: [] }, counts, ...(closed && { closed }) }];
}

const range = (workspace: string, from: number) => ({
  from: itemKey(workspace, from).sk,
  to: itemKey(workspace, HIGHEST).sk,
});
