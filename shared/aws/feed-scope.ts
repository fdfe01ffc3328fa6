/**
 * The range of the feed that can hold the events of one execution, run or tree. It begins at the time of the start: feed
 * items carry the time of their append, and a binary search finds the first item of that time. It ends with the item that
 * holds the last batch of the log, once the run is closed.
 */

import { LruCache } from "../lib/lru-cache.ts";
import type { Millis } from "../protocol/history.ts";
import { closingIn } from "./closing-batch.ts";
import type { Context } from "./context.ts";
import { decodeStored, endOf, firstSequence, HIGHEST, itemKey, type Stored } from "./feed-items.ts";
import { isTombstone } from "./heads.ts";
import { firstOf, headKey, logPrefix, pkOf } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { RunIndex } from "./run-index.ts";
import { type Item, number, text, within } from "./table.ts";

export interface Scope {
  readonly execution?: string | undefined;
  readonly root?: string | undefined;
  readonly run?: string | undefined;
}
export interface Bounds {
  /** No event of the scope has this sequence or a lower one. */
  readonly after: number;
  /** No event of the scope follows this item. */
  isEnd(stored: Stored): boolean;
  /** No event of the scope is above `after`: an earlier read has found the end, or the execution was deleted. */
  readonly isOver: boolean;
  /** The root of the tree was deleted: its own events, which the feed may have until they are erased (FEED-4), are not shown. */
  readonly hidden?: string;
}

/** A read of the feed from `after` on. */
export interface Scan extends Scope, Pick<Bounds, "after" | "isEnd" | "hidden"> {
  readonly limit: number;
}

/** Allowance for clock skew between writers. */
export const MARGIN_MS: Millis = 60_000;

export class Scopes {
  readonly #c: Context;
  readonly #runIndex: RunIndex;
  readonly #places = new LruCache<number>(2_000);
  /** By the source of a last batch: the last sequence of the item that holds it. */
  readonly #ends = new LruCache<number>(2_000);

  constructor(c: Context) {
    this.#c = c;
    this.#runIndex = new RunIndex(c);
  }

  async bounds(workspace: string, scope: Scope, after: number): Promise<Bounds> {
    const runs = await this.#runs(workspace, scope);
    if (runs === "deleted") {
      const ofTree = scope.execution === undefined && scope.root;
      const open = { after, isEnd: () => false };
      return ofTree ? { ...open, isOver: false, hidden: ofTree } : { ...open, isOver: true };
    }
    if (runs.length === 0) return { after, isEnd: () => false, isOver: scope.run !== undefined };
    const since = Math.min(...runs.map((item) => number(item, INDEXES.runs.sort)!)) - MARGIN_MS;
    const last = scope.root === undefined ? await this.lastSource(runs[0]!) : undefined;
    const end = last === undefined ? undefined : this.#ends.get(last);
    return {
      after: after > 0 ? after : await this.placeOf(workspace, since),
      isOver: end !== undefined && end <= after,
      isEnd: (stored) => {
        if (last === undefined || !stored.segments.some((segment) => segment.source === last)) return false;
        this.#ends.set(last, stored.first + stored.n - 1);
        return true;
      },
    };
  }

  /** The items of the runs in the scope: for an execution all its runs, for a tree those of its root. */
  async #runs(workspace: string, { run, execution, root }: Scope): Promise<Item[] | "deleted"> {
    if (run !== undefined) {
      const item = await this.#runIndex.item(workspace, run);
      return item ? [item] : [];
    }
    const id = execution ?? root;
    if (id === undefined) return [];
    const ref = { workspace, execution: id };
    const [head, earlier] = await Promise.all([
      this.#c.tables.executions.get(headKey(ref)),
      this.#c.tables.executions.query(within(pkOf(ref), { prefix: "RUN#" })),
    ]);
    if (head && isTombstone(head)) return "deleted";
    return head ? [head, ...earlier] : earlier;
  }

  /** The source of the batch that closes the run of this item, undefined = the run is open. */
  async lastSource(item: Item): Promise<string | undefined> {
    if (text(item, "status") === "RUNNING") return undefined;
    const [workspace = "", execution = ""] = text(item, "pk")!.split("#");
    const run = text(item, "run")!;
    const ref = { workspace, execution };
    const query = { ...within(pkOf(ref), { prefix: logPrefix(run) }), ScanIndexForward: false };
    const last = closingIn(item) ?? (await this.#c.tables.executions.first({ ...query, ProjectionExpression: "sk" }));
    return last ? `${run}#${firstOf(text(last, "sk")!)}` : undefined;
  }

  /** The last sequence of the last item that was appended before `time`, 0 = there is no such item. */
  async placeOf(workspace: string, time: Millis): Promise<number> {
    const known = this.#places.get(`${workspace} ${time}`);
    if (known !== undefined) return known;
    const first = await this.#item(workspace, 0, true);
    if (!first || number(first, "at")! >= time) return 0;
    const last = await this.#item(workspace, 0, false);
    let low = first;
    let high = last ?? first;
    if (number(high, "at")! < time) return endOf(high);
    while (endOf(low) + 1 < firstSequence(high)) {
      const middle = Math.floor((endOf(low) + 1 + firstSequence(high)) / 2);
      const item = (await this.#itemUpTo(workspace, middle)) ?? low;
      if (firstSequence(item) <= firstSequence(low)) break;
      if (number(item, "at")! < time) low = item;
      else if (firstSequence(item) < firstSequence(high)) high = item;
      else break;
    }
    this.#places.set(`${workspace} ${time}`, endOf(low));
    return endOf(low);
  }

  #item(workspace: string, from: number, forward: boolean): Promise<Item | null> {
    const sort = { from: itemKey(workspace, from).sk, to: itemKey(workspace, HIGHEST).sk };
    return this.#c.tables.feed.first({ ...within(workspace, sort), ScanIndexForward: forward });
  }

  /** The item that holds this sequence. */
  async holding(workspace: string, sequence: number): Promise<Stored | null> {
    const item = await this.#itemUpTo(workspace, sequence);
    return item && endOf(item) >= sequence ? decodeStored(this.#c.blobs, item) : null;
  }

  #itemUpTo(workspace: string, sequence: number): Promise<Item | null> {
    const sort = { from: itemKey(workspace, 0).sk, to: itemKey(workspace, sequence).sk };
    return this.#c.tables.feed.first({ ...within(workspace, sort), ScanIndexForward: false });
  }
}
