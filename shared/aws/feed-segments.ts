/** From a changed item of the table Executions to its segments of the feed. The same item always gives the same segments. */
import { type PublicEvent, present, type RunContext } from "../core/present.ts";
import { LruCache } from "../lib/lru-cache.ts";
import { startedOf } from "../protocol/head.ts";
import { isClosing } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import type { FeedSegment } from "./feed-items.ts";
import { decodeHead } from "./heads.ts";
import { HEAD, refOf } from "./keys.ts";
import { batchOf } from "./log.ts";
import { unpack } from "./pack.ts";
import { RunIndex } from "./run-index.ts";
import { type Item, type Key, text } from "./table.ts";

/** Larger events, in bytes of JSON, are not copied into the feed: the segment names the item that holds them. */
const MAX_COPIED_BYTES = 64 * 1024;

type Events = readonly { readonly at: number; readonly event: PublicEvent }[];

export class FeedSegments {
  readonly #c: Pick<Context, "tables" | "blobs" | "clock">;
  readonly #runIndex: RunIndex;
  /** The facts of a run that all its events show: small, without payloads. */
  readonly #contexts = new LruCache<RunContext>(5_000);

  constructor(c: Context) {
    this.#c = c;
    this.#runIndex = new RunIndex(c);
  }

  /** Empty = the item adds nothing to the feed. */
  async of(item: Item): Promise<FeedSegment[]> {
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
      const segment = this.#segment(`${run}#${batch.first}`, events, batch.events.length, key);
      if (last.kind !== "execution_continued") return [segment];
      // One transaction closes a run and starts the next, and its records come in any order: the end adds the start.
      const next = await this.#runIndex.itemOf(refOf(key.pk), last.run);
      return next ? [segment, await this.#start(next)] : [segment];
    }
    if (kind === "PROGRESS") {
      const events = await this.#progress(item);
      return [this.#segment(key.sk, events, events.length, key)];
    }
    return [];
  }

  async #start(head: Item): Promise<FeedSegment> {
    const run = text(head, "run");
    return this.#segment(`${run}#1`, await this.#started(head), 1, { pk: text(head, "pk")!, sk: `RUN#${run}` });
  }

  #segment(source: string, events: Events, n: number, from: Key): FeedSegment {
    const large = events.length > 0 && JSON.stringify(events).length > MAX_COPIED_BYTES;
    return large ? { source, n, from } : { source, n, events };
  }

  /** The events of a segment that only names their item. Empty = the item has expired. */
  async read(from: Key): Promise<Events> {
    const [kind, run = ""] = from.sk.split("#");
    if (kind === "RUN") {
      const item = await this.#runIndex.itemOf(refOf(from.pk), run);
      return item ? this.#started(item) : [];
    }
    const item = await this.#c.tables.executions.get(from);
    if (!item) return [];
    return kind === "LOG" ? this.#logged(from, run, item) : this.#progress(item);
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

  async #context(pk: string, run: string): Promise<RunContext | null> {
    const known = this.#contexts.get(`${pk}#${run}`);
    if (known) return known;
    const item = await this.#runIndex.itemOf(refOf(pk), run);
    if (!item) return null;
    return this.#remember(await decodeHead(this.#c.blobs, item));
  }

  #remember(head: RunContext & { workspace: string }): RunContext {
    const { execution, workflow, display_name, run, root_chain, root, parent, first_run } = head;
    const { continued_from, schedule, attempt } = head;
    const ids = { execution, workflow, display_name, run, root_chain, root, parent, first_run };
    const context = { ...ids, continued_from, schedule, attempt };
    this.#contexts.set(`${head.workspace}#${execution}#${run}`, context);
    return context;
  }
}
