/** Takes the events of deleted runs out of the feed of their workspace (FEED-4), loaded at its first use. */
import { readable } from "../lib/readable.ts";
import type { Millis } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { decodeStored, endOf, type FeedSegment, HIGHEST, itemKey } from "./feed-items.ts";
import { MARGIN_MS, Scopes } from "./feed-scope.ts";
import { placeholders } from "./head-expressions.ts";
import { pack } from "./pack.ts";
import { type Item, number, text, within } from "./table.ts";

const ITEMS_AT_ONCE = 100;

export interface DeletedRuns {
  readonly runs: readonly { readonly run: string; readonly started_at: Millis }[];
  /** Source of the last batch of the last run; absent: it is not known. */
  readonly last?: string;
}

/**
 * Repeating the work is harmless. `from`: where an earlier call has stopped; absent: none has. False: `until` has come, and
 * `reached` was told where the next call goes on.
 */
export async function eraseFromFeed(
  c: Context,
  workspace: string,
  deleted: DeletedRuns,
  p: { from: number | undefined; until: Millis; reached: (sequence: number) => Promise<unknown> },
): Promise<boolean> {
  const runs = new Set(deleted.runs.map(({ run }) => run));
  const since = Math.min(...deleted.runs.map(({ started_at }) => started_at)) - MARGIN_MS;
  // A damaged head may not say when its run began.
  const after = p.from ?? (Number.isFinite(since) ? await new Scopes(c).placeOf(workspace, since) : 0);
  const range = { from: itemKey(workspace, after + 1).sk, to: itemKey(workspace, HIGHEST).sk };
  let end = Number.POSITIVE_INFINITY;
  for await (const page of c.tables.feed.pages({ ...within(workspace, range), limit: () => ITEMS_AT_ONCE })) {
    for (const item of page) {
      if (number(item, "at")! > end) return true;
      const segments = await segmentsOf(c, item);
      if (segments.some(({ source }) => source === deleted.last)) end = number(item, "at")! + MARGIN_MS;
      if (segments.some((segment) => shows(segment, runs))) await takeOut(c, item, runs);
    }
    const last = page.at(-1);
    if (last && c.clock.now() >= p.until) {
      await p.reached(endOf(last));
      return false;
    }
  }
  return true;
}

/** Another deletion may change the item at the same time: the later one begins again with what the first has left. */
async function takeOut(c: Context, item: Item, runs: ReadonlySet<string>): Promise<void> {
  const key = { pk: text(item, "pk")!, sk: text(item, "sk")! };
  for (let old: Item | null = item; old !== null; ) {
    const left = (await segmentsOf(c, old)).map((one) => (shows(one, runs) ? { ...one, events: [] } : one));
    const { attribute } = await pack(JSON.stringify(left), key.pk, Number.POSITIVE_INFINITY);
    const done = await c.tables.feed.update(key, "SET #segments = :left", {
      condition: "#segments = :old",
      names: placeholders("segments"),
      values: { ":left": attribute, ":old": old.segments! },
    });
    if (done.ok) return;
    old = await c.tables.feed.get(key);
  }
}

/** An item that this version cannot read is shown by none. */
const segmentsOf = async (c: Context, item: Item): Promise<readonly FeedSegment[]> =>
  (await readable(() => decodeStored(c.blobs, item)))?.segments ?? [];

const shows = ({ source, events = [] }: FeedSegment, runs: ReadonlySet<string>): boolean =>
  events.length > 0 && runs.has(runOf(source));

/** FEED-3 has the forms of a source. */
function runOf(source: string): string {
  const [first = "", second = ""] = source.replace(/^COUNTED#/, "").split("#");
  return first === "PROGRESS" ? second : first;
}
