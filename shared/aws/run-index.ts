/** Finds a run by its id alone (KEY-2): in memory, in the index `runs`, or by its pointer item. */

import { LruCache } from "../lib/lru-cache.ts";
import type { Ref } from "../ports.ts";
import type { Context } from "./context.ts";
import { isTombstone } from "./heads.ts";
import { headKey, ID_WINDOW_MS, pointerKey, refOf, runKey, runsShardOf, timeOf } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { type Item, N, pause, S, text } from "./table.ts";

/** The index lags behind the table by moments: a run younger than this is looked for twice. */
const LAG_MS = 10_000;

export class RunIndex {
  readonly #c: Context;
  readonly #known = new LruCache<string>(20_000);

  constructor(c: Context) {
    this.#c = c;
  }

  remember(ref: Ref, run: string): void {
    this.#known.set(`${ref.workspace}#${run}`, ref.execution);
  }

  /** The item of the run: the head if it is the latest run of its execution, else an item of its own. */
  async item(workspace: string, run: string): Promise<Item | null> {
    const execution = this.#known.get(`${workspace}#${run}`) ?? (await this.#find(workspace, run));
    if (execution === null) return null;
    const ref = { workspace, execution };
    const found = await this.itemOf(ref, run);
    if (found) this.remember(ref, run);
    return found;
  }

  /** The past run's item is written no later than the head of the next run, so reading in this order finds one of them. */
  async itemOf(ref: Ref, run: string): Promise<Item | null> {
    const head = await this.#c.tables.executions.get(headKey(ref));
    if (head && text(head, "run") === run) return head;
    if (head && isTombstone(head)) return null; // DELETE-1
    return this.#c.tables.executions.get(runKey(ref, run));
  }

  async #find(workspace: string, run: string): Promise<string | null> {
    const made = timeOf(run);
    if (made !== undefined) {
      const found = await this.#inIndex(workspace, run, made);
      if (found !== null) return found;
    }
    const pointer = await this.#c.tables.executions.get(pointerKey(workspace, run));
    if (pointer) return text(pointer, "execution") ?? null;
    if (made === undefined || Math.abs(this.#c.clock.now() - made) > LAG_MS) return null;
    await pause(4);
    return this.#inIndex(workspace, run, made);
  }

  async #inIndex(workspace: string, run: string, made: number): Promise<string | null> {
    const { name, partition, sort } = INDEXES.runs;
    const pages = this.#c.tables.executions.pages({
      IndexName: name,
      KeyConditionExpression: `${partition} = :shard AND ${sort} BETWEEN :from AND :to`,
      FilterExpression: "#run = :run",
      ExpressionAttributeNames: { "#run": "run" },
      ExpressionAttributeValues: {
        ":shard": S(runsShardOf(workspace, run)),
        ":from": N(made - ID_WINDOW_MS),
        ":to": N(made + ID_WINDOW_MS),
        ":run": S(run),
      },
    });
    for await (const page of pages) if (page[0]) return refOf(text(page[0], "pk")!).execution;
    return null;
  }
}
