/**
 * Follows the events of one execution, look by look. A read of the feed costs what the whole workspace has added, so the
 * follower reads the execution's own items first.
 *
 * FOLLOW-1. A look reads what was added to the log of the run after the last batch that the follower has passed in the feed,
 *     and progress after the latest. Where nothing was added it reads no feed: it costs one read unit, however busy the
 *     workspace is. While the run may still close in its head (LOG-6), that is for its first claim until it parks, a look
 *     reads the head too, for half a unit more.
 * FOLLOW-2. Now and then, the more seldom the longer nothing happens, such a look also moves on to the end of the feed. It
 *     reads that end before it looks, and it looks strongly consistently: an item of the execution is written before its
 *     segment of the feed is, so a segment that comes later is above that end.
 * FOLLOW-3. The log has positions, progress has times: the key of a report begins with its time, and a report is written no
 *     later than `LATE_MS` after it. A look of FOLLOW-2, and one that finds newer progress, compares all progress that can
 *     have come since the last such look with what the follower has passed.
 * FOLLOW-4. Where something was added, the follower reads the feed until it has passed it. The feed may not have it yet.
 * FOLLOW-5. A run that has closed is followed by the run that the head names.
 */
import { isUnreadable } from "../lib/readable.ts";
import type { FeedPage, FeedReader, FollowedPage, Ref } from "../ports.ts";
import { isClosing, type Millis } from "../protocol/history.ts";
import { closingIn } from "./closing-batch.ts";
import type { Context } from "./context.ts";
import { endOf, HIGHEST, itemKey, type Stored } from "./feed-items.ts";
import { MARGIN_MS, type Scan, type Scopes } from "./feed-scope.ts";
import type { FeedSegments } from "./feed-segments.ts";
import { isTombstone } from "./heads.ts";
import { firstOf, headKey, logKey, pkOf } from "./keys.ts";
import { batchOf } from "./log.ts";
import { logEndOf } from "./log-end.ts";
import { FED, INDEXES } from "./names.ts";
import { LATE_MS, progressFrom, progressPrefix } from "./progress-keys.ts";
import { type Item, number, text, within } from "./table.ts";

/** FOLLOW-2: pauses between the looks that move on. The first is short, because reports may come in another order than that of their times. */
const FIRST_MOVE_MS: Millis = 2_000;
const LONGEST_MOVE_MS: Millis = 256_000;
/** The change stream keeps its records for a day. */
const LONGEST_LAG_MS: Millis = 86_400_000;
const LAST_EVENT = 99_999_999;
/** Batches that are read at a time, from the end of the log. */
const BATCHES = 10;

/** The segment of the feed that the follower waits for: the last of the run's log. */
interface Target {
  readonly source: string;
  /** The end of the log when it was found. */
  readonly tail: number;
  readonly closes: boolean;
}

export interface FeedAccess {
  readonly scopes: Scopes;
  readonly segments: FeedSegments;
  scan(p: Scan): Promise<FeedPage>;
}

export class FeedFollower implements FeedReader {
  readonly #c: Context;
  readonly #feed: FeedAccess;
  readonly #ref: Ref;
  readonly #limit: number;
  #after: number;
  #begun = false;
  #run: string | undefined;
  /** No batch up to this event is missing; 0: nor is the start passed. */
  #tail = 0;
  /** The log of the run has all batches, and always will (LOG-6). */
  #isWhole = false;
  #target: Target | undefined;
  /** First event of a batch that was passed, and that no look has read. */
  #unread: number | undefined;
  /** The run has closed, and the follower has passed its end. */
  #over = false;
  /** Sort key of the latest progress of the run. */
  #latest = "";
  readonly #missing = new Set<string>();
  /** FOLLOW-3: the last look that compared all. */
  #comparedAt: Millis = 0;
  /** Progress that was passed. */
  readonly #passed = new Set<string>();
  #pause = FIRST_MOVE_MS;
  #moveAt: Millis = 0;

  constructor(c: Context, feed: FeedAccess, ref: Ref, { after, limit }: { after: number; limit: number }) {
    this.#c = c;
    this.#feed = feed;
    this.#ref = ref;
    this.#after = after;
    this.#limit = limit;
  }

  async next(): Promise<FollowedPage> {
    if (!this.#begun || this.#over) {
      await this.#enterRun(); // FOLLOW-5
      this.#begun = true;
      if (this.#over) return { items: [], state: "current" };
    }
    const moves = this.#c.clock.now() >= this.#moveAt;
    const end = moves ? await this.#endOfFeed() : 0; // before the look
    if (!this.#isBehind) await this.#look(moves);
    if (this.#isBehind) return this.#read();
    if (this.#over) return { items: [], state: "current" };
    if (moves) {
      this.#after = Math.max(this.#after, end); // FOLLOW-2
      this.#moveAt = this.#c.clock.now() + this.#pause;
      this.#pause = Math.min(LONGEST_MOVE_MS, 2 * this.#pause);
    }
    return { items: [], state: "quiet" };
  }

  get #isBehind(): boolean {
    return this.#target !== undefined || this.#missing.size > 0;
  }

  /** Turns to the run of the head, if there is one that the follower has not passed. */
  async #enterRun(): Promise<void> {
    const head = await this.#c.tables.executions.get(headKey(this.#ref));
    const run = head && !isTombstone(head) ? text(head, "run") : undefined;
    this.#over = run === undefined || run === this.#run;
    if (!head || run === undefined || this.#over) return;
    const isFirst = this.#run === undefined;
    this.#run = run;
    this.#isWhole = closingIn(head) === null;
    this.#tail = 0;
    this.#latest = "";
    this.#comparedAt = 0;
    this.#unread = undefined;
    this.#passed.clear();
    this.#moveAt = 0;
    this.#pause = FIRST_MOVE_MS;
    const { workspace, execution } = this.#ref;
    if (!isFirst) return;
    if (this.#after === 0) this.#after = (await this.#feed.scopes.bounds(workspace, { execution }, 0)).after;
    else await this.#resume(number(head, INDEXES.runs.sort)!);
  }

  /** Finds out what of the run lies up to `after`, and moves on over what is not its own. */
  async #resume(startedAt: Millis): Promise<void> {
    const { workspace } = this.#ref;
    const there = await this.#feed.scopes.holding(workspace, this.#after);
    const passed = there ? this.#sourcesOf(there).filter(({ end }) => end <= this.#after) : [];
    // Records of an execution reach the feed in order: what comes after that event was written after it.
    if (there) this.#comparedAt = timeAt(there, this.#after);
    await this.#look(true);
    for (const source of passed) this.#pass(source);
    // Times at which what seems to be missing was written: it may lie before `after`.
    const times = await this.#timesOfMissing(startedAt);
    if (times.length === 0) return;
    const from = Math.min(...times) - MARGIN_MS;
    const place = await this.#feed.scopes.placeOf(workspace, from);
    if (place >= this.#after) {
      this.#after = place;
      return;
    }
    const until = Math.max(...times) + LATE_MS;
    const isEnd = (stored: Stored) => {
      for (const source of this.#sourcesOf(stored)) if (source.end <= this.#after) this.#pass(source);
      return !this.#isBehind || stored.at > until || stored.first + stored.n > this.#after;
    };
    // It passes only what ends up to `after`, and takes no events from there.
    await this.#feed.scan({ after: place, limit: Number.POSITIVE_INFINITY, run: "none", isEnd });
  }

  async #timesOfMissing(startedAt: Millis): Promise<Millis[]> {
    const times = [...this.#missing].map(timeOfProgress);
    if (!this.#target) return times;
    const [, first] = this.#target.source.split("#");
    if (first === "1") return [...times, startedAt];
    // The oldest batch that is missing: the first after the end that was passed, or the target itself.
    const from = this.#tail > 1 ? this.#tail + 1 : Number(first);
    const sort = { from: logKey(this.#ref, this.#run!, from).sk, to: logKey(this.#ref, this.#run!, LAST_EVENT).sk };
    const inLog = await this.#c.tables.executions.first(within(pkOf(this.#ref), sort));
    const item = inLog ?? (await this.#closing(true));
    if (!item) return times;
    try {
      return [...times, (await batchOf(this.#c, item)).events[0]!.at];
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return [...times, startedAt];
    }
  }

  /** FOLLOW-1, FOLLOW-3. */
  async #look(consistent: boolean): Promise<void> {
    const [target] = await Promise.all([this.#lookAtLog(consistent), this.#lookAtProgress(consistent)]);
    this.#target = target;
  }

  async #lookAtLog(consistent: boolean): Promise<Target | undefined> {
    const run = this.#run!;
    const from = this.#unread ?? this.#tail + 1;
    const sort = { from: logKey(this.#ref, run, from).sk, to: logKey(this.#ref, run, LAST_EVENT).sk };
    const query = { ...within(pkOf(this.#ref), sort), ScanIndexForward: false, ConsistentRead: consistent };
    const closing = await this.#closing(consistent); // before the log
    const inLog = this.#c.tables.executions.pages({ ...query, limit: () => BATCHES });
    const isNew = closing && text(closing, "sk")! >= sort.from;
    let tail: number | undefined;
    reading: for await (const page of isNew ? prepended([closing], inLog) : inLog) {
      for (const item of page) {
        tail ??= logEndOf(item).tail;
        if (logEndOf(item).tail <= this.#tail) {
          this.#over = tail === this.#tail && (await this.#closes(item));
          break reading;
        }
        const source = item[FED.copied] === undefined ? await this.#sourceOf(item) : undefined;
        if (source === undefined) continue; // nothing of it is shown
        this.#unread = undefined;
        return { source, tail, closes: logEndOf(item).tail === tail && (await this.#closes(item)) };
      }
    }
    this.#unread = undefined;
    if (this.#tail === 0) return { source: `${run}#1`, tail: Math.max(1, tail ?? 1), closes: false };
    this.#tail = Math.max(this.#tail, tail ?? 0);
    return undefined;
  }

  /** The closing batch, if it lies in the head (LOG-6). A past run has an item of its own. */
  async #closing(consistent: boolean): Promise<Item | null> {
    if (this.#isWhole) return null;
    const { executions } = this.#c.tables;
    const run = this.#run!;
    const head = await executions.get(headKey(this.#ref), { consistent });
    if (!head || isTombstone(head)) return null;
    const isLatest = text(head, "run") === run;
    const item = isLatest ? head : await executions.get({ pk: pkOf(this.#ref), sk: `RUN#${run}` });
    const closing = item && closingIn(item);
    this.#isWhole = closing === null && item !== null;
    return closing ?? null;
  }

  /** Of a batch: undefined = nothing of it is shown. The feed has a placeholder for one that cannot be read. */
  async #sourceOf(item: Item): Promise<string | undefined> {
    try {
      return (await this.#feed.segments.of(item))[0]?.segment.source;
    } catch (error) {
      if (isUnreadable(error)) return `${this.#run}#${firstOf(text(item, "sk")!)}`;
      throw error;
    }
  }

  /** Whether the last batch of the log closes the run. Where it cannot be read, the head says it. */
  async #closes(item: Item): Promise<boolean> {
    try {
      return isClosing((await batchOf(this.#c, item)).events.at(-1)!);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      const head = await this.#c.tables.executions.get(headKey(this.#ref));
      return !head || text(head, "run") !== this.#run || text(head, "status") !== "RUNNING";
    }
  }

  async #lookAtProgress(consistent: boolean): Promise<void> {
    const prefix = progressPrefix(this.#run!);
    const { executions } = this.#c.tables;
    const above = (from: string) => within(pkOf(this.#ref), { from, to: `${prefix}~` });
    if (!consistent) {
      const newer = await executions.first({ ...above(`${this.#latest || prefix} `), ConsistentRead: false });
      if (!newer) return;
    }
    const since = progressFrom(this.#run!, this.#comparedAt - LATE_MS - MARGIN_MS);
    this.#comparedAt = this.#c.clock.now();
    for (const key of this.#passed) if (key < since) this.#passed.delete(key);
    for await (const page of executions.pages(above(since))) {
      for (const item of page) {
        const key = text(item, "sk")!;
        if (key > this.#latest) this.#latest = key;
        if (!this.#passed.has(key)) this.#missing.add(key);
      }
    }
  }

  /** FOLLOW-4. */
  async #read(): Promise<FollowedPage> {
    const found: Source[] = [];
    const wanted = new Set(this.#missing);
    if (this.#target) wanted.add(this.#target.source);
    const isEnd = (stored: Stored) => {
      for (const source of this.#sourcesOf(stored)) {
        found.push(source);
        wanted.delete(source.source);
      }
      return wanted.size === 0;
    };
    const { execution } = this.#ref;
    const { items, upTo } = await this.#feed.scan({ after: this.#after, limit: this.#limit, execution, isEnd });
    this.#after = upTo;
    for (const source of found) if (source.end <= upTo) this.#pass(source); // the answer may end before the last of them
    this.#moveAt = 0;
    this.#pause = FIRST_MOVE_MS;
    return { items, state: this.#isBehind ? "behind" : this.#over ? "current" : "quiet" };
  }

  /** A segment of the feed that the follower leaves behind it. */
  #pass({ source, last }: Source): void {
    const run = this.#run!;
    if (source.startsWith(progressPrefix(run))) {
      this.#passed.add(source);
      this.#missing.delete(source);
    } else if (source.startsWith(`${run}#`)) {
      // The feed had a batch already that no look has read: it may close the run.
      if (last > Math.max(this.#tail, this.#target?.tail ?? 0)) this.#unread = placeOf(source);
      this.#tail = Math.max(this.#tail, last);
      if (!this.#target || last < placeOf(this.#target.source)) return;
      this.#tail = Math.max(this.#tail, this.#target.tail);
      this.#over = this.#target.closes;
      this.#target = undefined;
    }
  }

  /** The segments of the run. */
  #sourcesOf({ first, segments }: Stored): Source[] {
    const sources: Source[] = [];
    let end = first - 1;
    for (const { source, n } of segments) {
      end += n;
      const isOwn = source.startsWith(`${this.#run}#`) || source.startsWith(progressPrefix(this.#run!));
      if (isOwn) sources.push({ source, last: placeOf(source) + n - 1, end });
    }
    return sources;
  }

  /** It may be stale, so lower than the end is. */
  async #endOfFeed(): Promise<number> {
    const { workspace } = this.#ref;
    const sort = { from: itemKey(workspace, 0).sk, to: itemKey(workspace, HIGHEST).sk };
    const query = { ...within(workspace, sort), ScanIndexForward: false, ConsistentRead: false };
    const item: Item | null = await this.#c.tables.feed.first(query);
    return item ? endOf(item) : 0;
  }
}

async function* prepended<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield first;
  yield* rest;
}

interface Source {
  readonly source: string;
  /** Of a batch: its last event. */
  readonly last: number;
  /** Its last sequence. */
  readonly end: number;
}

/** A time before which the event with this sequence, which the item holds, was not written. */
function timeAt({ first, at, segments }: Stored, sequence: number): Millis {
  let start = first;
  for (const { n, events } of segments) {
    const event = events?.find((one) => start + one.at === sequence)?.event;
    if (event) return Math.min(at, event.wire.event_timestamp / 1_000);
    start += n;
  }
  return at - LONGEST_LAG_MS; // only its own item has it
}
/** The first event of a batch. */
const placeOf = (source: string): number => Number(source.slice(source.lastIndexOf("#") + 1));
const timeOfProgress = (key: string): Millis => Number(key.split("#")[2]);
