/**
 * Reads the feed and publishes progress. A progress report is an item in the execution's partition, so that the change
 * stream delivers it in order with the execution's events.
 *
 * A read of one execution, run or tree begins at the time of its start and stops after its end, where that is known, so
 * that it does not read the whole workspace.
 */
import type { PublicEvent } from "../core/present.ts";
import { LruCache } from "../lib/lru-cache.ts";
import type { Feed, FeedItem, FeedPage, FeedReader, Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import {
  anchorKey,
  decodeStored,
  endOf,
  type FeedSegment,
  firstSequence,
  HIGHEST,
  itemKey,
  type Stored,
} from "./feed-items.ts";
import { type Scan, type Scope, Scopes } from "./feed-scope.ts";
import { FeedSegments } from "./feed-segments.ts";
import { payloadOwner } from "./heads.ts";
import { ttlSeconds } from "./keys.ts";
import { INLINE_ONCE, stored } from "./pack.ts";
import type { PollBackoff } from "./poll-backoff.ts";
import { LATE_MS, progressKey } from "./progress-keys.ts";
import { ABSENT, type Item, keyItem, N, number, within } from "./table.ts";

/** Characters of events in one answer: a caller that wants more asks again. */
const MOST_CHARACTERS = 1_000_000;

export class AwsFeed implements Feed {
  readonly #c: Context;
  readonly #segments: FeedSegments;
  readonly #scopes: Scopes;
  readonly #backoff: PollBackoff;
  /** Last sequences of items: a read that continues after one of them need not look for an item that spans it. */
  readonly #ends = new LruCache<true>(10_000);

  constructor(c: Context, backoff: PollBackoff) {
    this.#c = c;
    this.#segments = new FeedSegments(c);
    this.#scopes = new Scopes(c);
    this.#backoff = backoff;
  }

  async publish(ref: Ref, run: string, p: { id: string; at: Millis }, events: readonly PublicEvent[]): Promise<void> {
    let { at } = p;
    if (at < this.#c.clock.now() - LATE_MS) {
      // Under its own time a follower would not find it any more. A repetition does not come as late as that.
      if (await this.#c.tables.executions.get(progressKey(ref, run, p))) return;
      at = this.#c.clock.now();
    }
    const where = { owner: payloadOwner(ref, run), inline: INLINE_ONCE, short: true } as const;
    const item = {
      ...keyItem(progressKey(ref, run, { id: p.id, at })),
      n: N(events.length),
      events: await stored(this.#c.blobs, events, where),
      // The feed may name this item instead of copying it, so it expires no sooner than the feed.
      ttl: N(ttlSeconds(this.#c.clock.now() + this.#c.settings.retentionMs)),
    };
    await this.#c.tables.executions.put(item, ABSENT);
  }

  async last(workspace: string): Promise<number> {
    const query = { ...within(workspace, this.#from(workspace, 0)), ScanIndexForward: false };
    const item = await this.#c.tables.feed.first(query);
    if (item) return endOf(item);
    const anchor = await this.#c.tables.feed.get(anchorKey(workspace));
    return (anchor && number(anchor, "limit")) || 0;
  }

  async follow(ref: Ref, p: { after: number; limit: number }): Promise<FeedReader> {
    const { FeedFollower } = await import("./feed-follower.ts");
    const scan = (from: Scan) => this.#scan(ref.workspace, from);
    return new FeedFollower(this.#c, { scopes: this.#scopes, segments: this.#segments, scan }, ref, p);
  }

  async read(workspace: string, p: Scope & { after: number; limit: number }): Promise<FeedPage> {
    const bounds = await this.#scopes.bounds(workspace, p, p.after);
    const after = Math.max(p.after, bounds.after);
    return bounds.isOver ? { items: [], upTo: after } : this.#scan(workspace, { ...p, ...bounds, after });
  }

  async #scan(workspace: string, p: Scan): Promise<FeedPage> {
    const { limit, hidden, isEnd, after, ...scope } = p;
    const items: FeedItem[] = [];
    let characters = 0;
    let upTo = after;
    for await (const stored of this.#itemsAfter(workspace, upTo)) {
      upTo = stored.first + stored.n - 1;
      for (const item of await this.#events(stored)) {
        if (item.sequence <= after || !wanted(item.event, scope)) continue;
        if (hidden !== undefined && item.event.wire.workflow_exec_id === hidden) continue;
        items.push(item);
        characters += JSON.stringify(item.event.wire.attributes).length;
      }
      const ends = isEnd(stored); // also remembers the end, so it is called for every item
      if (items.length >= limit || ends || characters >= MOST_CHARACTERS) break;
    }
    if (items.length > 0) this.#reset(workspace, items);
    const cut = items.length > limit;
    return { items: items.slice(0, limit), upTo: cut ? items[limit - 1]!.sequence : upTo };
  }

  /** Items that hold sequences above `after`. */
  async *#itemsAfter(workspace: string, after: number): AsyncGenerator<Stored> {
    let checked = after <= 0 || this.#ends.get(`${workspace} ${after}`) !== undefined;
    const spanning = async (): Promise<Item | null> => {
      checked = true;
      const sort = { from: itemKey(workspace, 0).sk, to: itemKey(workspace, after).sk };
      const item = await this.#c.tables.feed.first({ ...within(workspace, sort), ScanIndexForward: false });
      if (!item || endOf(item) > after) return item;
      this.#ends.set(`${workspace} ${endOf(item)}`, true);
      return null;
    };
    for await (const page of this.#c.tables.feed.pages(within(workspace, this.#from(workspace, after + 1)))) {
      // Sequences are dense: an item that begins right after `after` shows that no item spans it.
      if (page[0] && firstSequence(page[0]) === after + 1) checked = true;
      if (!checked) {
        const item = await spanning();
        if (item) yield decodeStored(this.#c.blobs, item);
      }
      for (const item of page) {
        this.#ends.set(`${workspace} ${endOf(item)}`, true);
        yield decodeStored(this.#c.blobs, item);
      }
    }
  }

  #from(workspace: string, first: number) {
    return { from: itemKey(workspace, first).sk, to: itemKey(workspace, HIGHEST).sk };
  }

  async #events(stored: Stored): Promise<FeedItem[]> {
    const items: FeedItem[] = [];
    let first = stored.first;
    for (const segment of stored.segments) {
      for (const { at, event } of await this.#of(segment)) items.push({ sequence: first + at, event });
      first += segment.n;
    }
    return items;
  }

  async #of(segment: FeedSegment) {
    return segment.events ?? this.#segments.read(segment);
  }

  #reset(workspace: string, items: readonly FeedItem[]): void {
    this.#backoff.reset(workspace);
    for (const id of new Set(items.map((i) => i.event.wire.workflow_exec_id)))
      this.#backoff.reset(`${workspace}#${id}`);
  }
}

const wanted = ({ wire }: PublicEvent, { execution, root, run }: Scope): boolean =>
  (execution === undefined || wire.workflow_exec_id === execution) &&
  (root === undefined || wire.root_workflow_exec_id === root) &&
  (run === undefined || wire.workflow_run_id === run);
