/**
 * Builds the feed from the change stream of the table Executions. Records of one execution come in order and may come
 * again; several writers may serve one workspace at a time.
 *
 * FEEDWRITER-1. Exactly once: the writer knows the sources of everything that was appended since before its oldest record was
 *     written. It reads what it does not remember, and what others append becomes known the moment they win its place.
 * FEEDWRITER-2. A record that cannot be taken in stops those of its workspace behind it, and no other workspace.
 */
import type { Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { anchorKey, decodeStored, endOf, type FeedSegment, HIGHEST, itemKey, type Stored } from "./feed-items.ts";
import { FeedSegments } from "./feed-segments.ts";
import { refOf, ttlSeconds } from "./keys.ts";
import { pack } from "./pack.ts";
import { type Item, keyItem, N, number, text, within } from "./table.ts";

export interface Change {
  /** Given back if the record could not be taken in: it and all that follow it come again. */
  readonly id: string;
  /** When the change was made, roughly: DynamoDB tells it to the second. */
  readonly at: Millis;
  readonly image: Item;
}

/** Clocks that wrote `at` may differ by this, and DynamoDB rounds the time of a change. */
const MARGIN_MS: Millis = 60_000;
const RESERVED = 1_000;
/** An item takes so many events, or bytes of JSON: even if nothing can be compressed, DynamoDB takes that. */
const MOST_EVENTS = 500;
const MOST_BYTES = 256 * 1024;
const REMEMBERED = 50_000;

interface Memory {
  next: number;
  /** At least the highest sequence of everything that was acknowledged (FEED-2). */
  limit: number;
  sources: Set<string>;
  /** Everything appended after this is in `sources`. */
  since: Millis;
}

export class FeedWriter {
  readonly #c: Context;
  readonly #segments: FeedSegments;
  readonly #memory = new Map<string, Memory>();

  constructor(c: Context) {
    this.#c = c;
    this.#segments = new FeedSegments(c);
  }

  /** Ids of the first record of each workspace that could not be taken in. */
  async take(changes: readonly Change[]): Promise<string[]> {
    const failed: string[] = [];
    const byWorkspace = Map.groupBy(changes, (change) => refOf(text(change.image, "pk")!).workspace);
    for (const [workspace, some] of byWorkspace) {
      let reached = 0;
      try {
        const segments: FeedSegment[] = [];
        let trouble: unknown;
        for (const change of some) {
          try {
            segments.push(...(await this.#segments.of(change.image)));
            reached += 1;
          } catch (error) {
            trouble = error;
            break;
          }
        }
        const before = reached;
        reached = 0; // until it is appended, nothing is
        if (segments.length > 0) await this.#append(workspace, segments, Math.min(...some.map((x) => x.at)));
        reached = before;
        if (trouble) throw trouble;
      } catch (error) {
        this.#memory.delete(workspace);
        this.#c.log.error("events could not be put into the feed", { workspace, error });
        failed.push(some[reached]!.id); // FEEDWRITER-2
      }
    }
    return failed;
  }

  async #append(workspace: string, segments: readonly FeedSegment[], oldest: Millis): Promise<void> {
    const memory = await this.#remembering(workspace, oldest);
    let left = segments.filter((segment) => !memory.sources.has(segment.source));
    while (left.length > 0) {
      const group = chunk(left);
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
      const put = await this.#c.tables.feed.put(item, { expression: "attribute_not_exists(pk)" });
      if (put.ok) {
        this.#learn(memory, { first: memory.next, n, at: now, segments: group });
        await this.#raise(workspace, memory);
        left = left.slice(group.length);
      } else {
        await this.#catchUp(workspace, memory); // somebody else won the place (FEED-1)
        left = left.filter((segment) => !memory.sources.has(segment.source));
      }
    }
  }

  /** FEEDWRITER-1. */
  async #remembering(workspace: string, oldest: Millis): Promise<Memory> {
    const known = this.#memory.get(workspace);
    if (known && known.since <= oldest - MARGIN_MS && known.sources.size < REMEMBERED) return known;
    const since = oldest - MARGIN_MS;
    // Before the items: an anchor says that something was appended, so that finding nothing after it means expired (FEED-2).
    const anchor = await this.#c.tables.feed.get(anchorKey(workspace));
    const sources = new Set<string>();
    let next: number | undefined;
    const query = { ...within(workspace, range(workspace, 0)), ScanIndexForward: false };
    reading: for await (const page of this.#c.tables.feed.pages({ ...query, limit: () => 20 })) {
      for (const item of page) {
        next ??= endOf(item) + 1;
        if (number(item, "at")! < since) break reading;
        for (const segment of (await decodeStored(this.#c.blobs, item)).segments) sources.add(segment.source);
      }
    }
    const limit = (anchor && number(anchor, "limit")) || 0;
    const memory = { next: next ?? limit + 1, limit, sources, since };
    this.#memory.set(workspace, memory);
    return memory;
  }

  async #catchUp(workspace: string, memory: Memory): Promise<void> {
    const items = await this.#c.tables.feed.query(within(workspace, range(workspace, memory.next)));
    for (const item of items) this.#learn(memory, await decodeStored(this.#c.blobs, item));
  }

  #learn(memory: Memory, stored: Stored): void {
    for (const segment of stored.segments) memory.sources.add(segment.source);
    memory.next = Math.max(memory.next, stored.first + stored.n);
  }

  /** FEED-2. A writer that dies before this meets the same record again, and does it then. */
  async #raise(workspace: string, memory: Memory): Promise<void> {
    const last = memory.next - 1;
    if (last <= memory.limit) return;
    const limit = last + RESERVED;
    await this.#c.tables.feed.update(anchorKey(workspace), "SET #limit = :limit", {
      condition: "attribute_not_exists(#limit) OR #limit < :limit",
      names: { "#limit": "limit" },
      values: { ":limit": N(limit) },
    });
    memory.limit = limit;
  }
}

const range = (workspace: string, from: number) => ({
  from: itemKey(workspace, from).sk,
  to: itemKey(workspace, HIGHEST).sk,
});

/** As many of the first parts as one item takes, at least one. */
function chunk(segments: readonly FeedSegment[]): FeedSegment[] {
  let events = 0;
  let bytes = 0;
  let n = 0;
  for (const segment of segments) {
    events += segment.n;
    bytes += Buffer.byteLength(JSON.stringify(segment));
    if (n > 0 && (events > MOST_EVENTS || bytes > MOST_BYTES)) break;
    n += 1;
  }
  return segments.slice(0, n);
}
