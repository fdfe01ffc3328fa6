/**
 * From a changed item of the table Executions to its segments of the feed, and to the counts that are taken with them. The
 * same item always gives the same.
 */

import { type PublicEvent, present, type RunContext } from "../core/present.ts";
import { closedRun, type Increment, startedRun } from "../core/rollups.ts";
import { LruCache } from "../lib/lru-cache.ts";
import { isUnreadable } from "../lib/readable.ts";
import type { Ref } from "../ports.ts";
import { type Head, startedOf } from "../protocol/head.ts";
import { isClosing } from "../protocol/history.ts";
import { closingIn } from "./closing-batch.ts";
import type { Context } from "./context.ts";
import type { FeedSegment } from "./feed-items.ts";
import { decodeHead } from "./heads.ts";
import { HEAD, refOf } from "./keys.ts";
import { batchOf } from "./log.ts";
import { INDEXES } from "./names.ts";
import { unpack } from "./pack.ts";
import { RunIndex } from "./run-index.ts";
import { type Item, type Key, number, text } from "./table.ts";

/** Larger events, in bytes of JSON, are not copied into the feed: the segment names the item that holds them. */
const MAX_COPIED_BYTES = 64 * 1024;

/** A segment with the counts that its append takes (ROLLUP-2). */
export interface Counted {
  readonly segment: FeedSegment;
  readonly counts: readonly Increment[];
  /** The run that its last event closes. */
  readonly closed?: { readonly ref: Ref; readonly run: string };
}

type Events = readonly { readonly at: number; readonly event: PublicEvent }[];

type RunFacts = RunContext & Pick<Head, "started_at" | "deployment">;

export class FeedSegments {
  readonly #c: Pick<Context, "tables" | "blobs" | "clock">;
  readonly #runIndex: RunIndex;
  /** The facts of a run that all its events show: small, without payloads. */
  readonly #contexts = new LruCache<RunFacts>(5_000);

  constructor(c: Context) {
    this.#c = c;
    this.#runIndex = new RunIndex(c);
  }

  /** Empty = the item adds nothing to the feed. */
  async of(item: Item): Promise<Counted[]> {
    const key = { pk: text(item, "pk")!, sk: text(item, "sk")! };
    const [kind, run = ""] = key.sk.split("#");
    if (key.sk === HEAD) {
      if (!item.fresh) return []; // its start was shown before
      return [await this.#start(item)];
    }
    if (kind === "LOG") {
      const batch = await batchOf(this.#c, item);
      const events = await this.#logged(key, run, item);
      const last = batch.events.at(-1)!;
      if (events.length === 0 && !isClosing(last)) return []; // FEED-3
      const facts = isClosing(last) ? await this.#context(key.pk, run) : null;
      const segment = {
        segment: this.#segment(`${run}#${batch.first}`, events, batch.events.length, key),
        counts: facts ? closedRun(facts, batch, number(item, "retries") ?? 0) : [],
        ...(isClosing(last) && { closed: { ref: refOf(key.pk), run } }),
      };
      if (last.kind !== "execution_continued") return [segment];
      // One transaction closes a run and starts the next, and its records come in any order: the end adds the start.
      const next = await this.#runIndex.itemOf(refOf(key.pk), last.run);
      return next ? [segment, await this.#start(next)] : [segment];
    }
    if (kind === "PROGRESS") {
      const events = await this.#progress(item);
      return [{ segment: this.#segment(key.sk, events, events.length, key), counts: [] }];
    }
    return [];
  }

  async #start(head: Item): Promise<Counted> {
    const run = text(head, "run");
    const from = { pk: text(head, "pk")!, sk: `RUN#${run}` };
    return {
      segment: this.#segment(`${run}#1`, await this.#started(head), 1, from),
      counts: [startedRun({ workflow: text(head, "workflow")!, started_at: number(head, INDEXES.runs.sort)! })],
    };
  }

  #segment(source: string, events: Events, n: number, from: Key): FeedSegment {
    const large = events.length > 0 && JSON.stringify(events).length > MAX_COPIED_BYTES;
    return large ? { source, n, from } : { source, n, events };
  }

  /** What the item of a placeholder adds (PLACEHOLDER-3). Null = the item is gone. */
  async again(from: Key): Promise<Counted[] | null> {
    const [kind, run = ""] = from.sk.split("#");
    const item = kind === "RUN" ? await this.#runIndex.itemOf(refOf(from.pk), run) : await this.#item(from);
    if (!item) return null;
    return kind === "RUN" ? [await this.#start(item)] : this.of(item);
  }

  /** The events of a segment that only names their item. Empty = the item has expired, or is a placeholder's and unreadable. */
  async read({ from, placeholder }: FeedSegment): Promise<Events> {
    if (!from) return [];
    try {
      return await this.#read(from);
    } catch (error) {
      if (placeholder && isUnreadable(error)) return []; // PLACEHOLDER-2
      throw error;
    }
  }

  async #read(from: Key): Promise<Events> {
    const [kind, run = ""] = from.sk.split("#");
    if (kind === "RUN") {
      const item = await this.#runIndex.itemOf(refOf(from.pk), run);
      return item ? this.#started(item) : [];
    }
    const item = await this.#item(from);
    if (!item) return [];
    return kind === "LOG" ? this.#logged(from, run, item) : this.#progress(item);
  }

  /** A batch, or a progress report. */
  async #item(from: Key): Promise<Item | null> {
    const item = await this.#c.tables.executions.get(from);
    const [kind, run = ""] = from.sk.split("#");
    if (item || kind !== "LOG") return item;
    const of = await this.#runIndex.itemOf(refOf(from.pk), run);
    const closing = of && closingIn(of);
    return closing && text(closing, "sk") === from.sk ? closing : null; // LOG-6
  }

  async #started(item: Item): Promise<Events> {
    const head = await decodeHead(this.#c.blobs, item);
    this.#remember(head);
    return present(head, startedOf(head)).map((event) => ({ at: 0, event }));
  }

  async #logged(key: Key, run: string, item: Item): Promise<Events> {
    const batch = await batchOf(this.#c, item);
    const context = await this.#context(key.pk, run);
    if (!context) return []; // the run expired before its events were shown
    return batch.events.flatMap((e, at) => present(context, e).map((event) => ({ at, event })));
  }

  async #progress(item: Item): Promise<Events> {
    const events = await unpack<PublicEvent[]>(this.#c.blobs, item.events!);
    return events.map((event, at) => ({ at, event }));
  }

  async #context(pk: string, run: string): Promise<RunFacts | null> {
    const known = this.#contexts.get(`${pk}#${run}`);
    if (known) return known;
    const item = await this.#runIndex.itemOf(refOf(pk), run);
    if (!item) return null;
    return this.#remember(await decodeHead(this.#c.blobs, item));
  }

  #remember(head: RunFacts & { workspace: string }): RunFacts {
    const { execution, workflow, display_name, run, root_chain, root, parent, first_run } = head;
    const { continued_from, schedule, attempt, started_at, deployment } = head;
    const ids = { execution, workflow, display_name, run, root_chain, root, parent, first_run };
    const context = { ...ids, continued_from, schedule, attempt, started_at, deployment };
    this.#contexts.set(`${head.workspace}#${execution}#${run}`, context);
    return context;
  }
}
