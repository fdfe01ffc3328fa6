/**
 * Which deployments have a live worker: one item each, so that a start need not read every session of its workspace.
 *
 * ACTIVE-1. The item's time is at most `LAG_MS` before the latest heartbeat of any session of the deployment, and is the time of a
 *     heartbeat. So a heartbeat seldom writes it: each process once in `LAG_MS`, whatever the number of workers.
 * ACTIVE-2. An item within the liveness window says that the deployment is active, one older by more than `LAG_MS` that it is not. In
 *     between the sessions decide.
 * ACTIVE-3. A registration writes the session, then the item. Whoever deletes sessions then reads the item, then the sessions that are
 *     left, and lowers the item only if no registration has written it since. So the item never misses a worker.
 */
import { LruCache } from "../lib/lru-cache.ts";
import type { Millis } from "../protocol/history.ts";
import { type Item, type Key, N, number, type Table, text, within } from "./table.ts";

/** Two heartbeats. */
const LAG_MS: Millis = 20_000;

const partitionOf = (workspace: string): string => `${workspace}#active`;
export const activeKey = (workspace: string, deployment: string): Key => ({
  pk: partitionOf(workspace),
  sk: deployment,
});

/** The sessions of a deployment, as far as they matter here. */
export interface Beats {
  /** The latest heartbeat of each deployment that has sessions. */
  latest(workspace: string): Promise<ReadonlyMap<string, Millis>>;
}

export class ActiveDeployments {
  readonly #table: Table;
  readonly #beats: Beats;
  /** The time that this process knows to be in an item. */
  readonly #written = new LruCache<Millis>(2_000);

  constructor(table: Table, beats: Beats) {
    this.#table = table;
    this.#beats = beats;
  }

  /** After a heartbeat was stored (ACTIVE-1). */
  async beaten(workspace: string, deployment: string, now: Millis): Promise<void> {
    const written = this.#written.get(`${workspace}#${deployment}`);
    if (written === undefined || now - written >= LAG_MS) await this.registered(workspace, deployment, now);
  }

  /** After a session was stored (ACTIVE-3). */
  async registered(workspace: string, deployment: string, now: Millis): Promise<void> {
    await this.#table.update(activeKey(workspace, deployment), "SET beat_at = :now ADD changes :one", {
      values: { ":now": N(now), ":one": N(1) },
    });
    this.#written.set(`${workspace}#${deployment}`, now);
  }

  /** After sessions of these deployments were deleted (ACTIVE-3). Its code is loaded at the first use. */
  async left(workspace: string, deployments: Iterable<string>): Promise<void> {
    const { lower } = await import("./lower-active.ts");
    for (const deployment of new Set(deployments)) {
      await lower(this.#table, activeKey(workspace, deployment), () => this.#beats.latest(workspace));
      this.#written.delete(`${workspace}#${deployment}`);
    }
  }

  /** Those of `among` (absent: of the workspace) with a heartbeat at or after `since`. */
  async since(workspace: string, since: Millis, among?: readonly string[]): Promise<Set<string>> {
    const items = await this.#items(workspace, among);
    const active = new Set<string>();
    const unsure: string[] = [];
    for (const item of items) {
      const [name, at] = [text(item, "sk")!, number(item, "beat_at")];
      if (at !== undefined && at >= since) active.add(name);
      else if (at !== undefined && at >= since - LAG_MS) unsure.push(name); // ACTIVE-2
    }
    if (unsure.length > 0) {
      const latest = await this.#beats.latest(workspace);
      for (const name of unsure) if ((latest.get(name) ?? Number.NEGATIVE_INFINITY) >= since) active.add(name);
    }
    return active;
  }

  async #items(workspace: string, among: readonly string[] | undefined): Promise<Item[]> {
    if (among?.length !== 1) {
      const all = await this.#table.query(within(partitionOf(workspace)));
      return among ? all.filter((item) => among.includes(text(item, "sk")!)) : all;
    }
    const item = await this.#table.get(activeKey(workspace, among[0]!));
    return item ? [item] : [];
  }
}
