/**
 * Workers' sessions: one item each, written at every heartbeat. A session is alive by the time of its heartbeat, not by the
 * presence of its item: DynamoDB deletes expired items days late.
 */
import { type Readable, shownObject, shownTime } from "../lib/readable.ts";
import type { WorkerRecord } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { WorkerLoad } from "../protocol/worker-load.ts";
import { ActiveDeployments } from "./active-deployments.ts";
import { ttlSeconds } from "./keys.ts";
import { type Item, type Key, N, number, S, type Table, text, within } from "./table.ts";

export interface Session {
  readonly workspace: string;
  readonly deployment: string;
  readonly worker: string;
  readonly session: string;
}
/** `key`: hash of the API key with which the worker registers. */
export type NewSession = Session & {
  readonly pid?: number;
  readonly key?: string;
  readonly abilities: string;
  /** Digest of the registration (REGISTER-3). */
  readonly content: string;
};

/** By session alone: a caller that asks for a heartbeat knows nothing but the session. */
export const sessionKey = (workspace: string, session: string): Key => ({ pk: `${workspace}#workers`, sk: session });
/** A session without heartbeats is listed for a day. */
export const KEPT_MS: Millis = 86_400_000;
export class Sessions {
  readonly #table: Table;
  readonly active: ActiveDeployments;
  readonly #readable: Readable;

  constructor(table: Table, readable: Readable) {
    this.#table = table;
    this.#readable = readable;
    this.active = new ActiveDeployments(table, this);
  }

  async deploymentOf(workspace: string, session: string): Promise<string | null> {
    const there = await this.#table.get(sessionKey(workspace, session));
    return (there && text(there, "deployment")) ?? null;
  }

  async beat(p: Session & { load?: WorkerLoad }, now: Millis): Promise<boolean> {
    const beaten = await this.#table.update(
      sessionKey(p.workspace, p.session),
      `SET heartbeat_at = :now, #ttl = :ttl${p.load ? ", #load = :load" : ""}`,
      {
        condition: "deployment = :deployment",
        names: { "#ttl": "ttl", ...(p.load && { "#load": "load" }) },
        values: {
          ":now": N(now),
          ":ttl": N(ttlSeconds(now + KEPT_MS)),
          ":deployment": S(p.deployment),
          ...(p.load && { ":load": S(JSON.stringify(p.load)) }),
        },
      },
    );
    if (beaten.ok) await this.active.beaten(p.workspace, p.deployment, now);
    return beaten.ok;
  }

  async leave(p: Session): Promise<void> {
    const key = sessionKey(p.workspace, p.session);
    const there = await this.#table.get(key);
    if (!there || text(there, "deployment") !== p.deployment) return;
    await this.#table.delete(key);
    await this.active.left(p.workspace, [p.deployment]);
  }

  /** For `ActiveDeployments`. */
  async latest(workspace: string): Promise<Map<string, Millis>> {
    const latest = new Map<string, Millis>();
    const all = await this.#all(workspace);
    for (const { deployment, heartbeatAt } of all) {
      latest.set(deployment, Math.max(heartbeatAt, latest.get(deployment) ?? heartbeatAt));
    }
    return latest;
  }

  /** The latest session of each name, and every session with a heartbeat at or after `liveSince`. */
  async list(workspace: string, deployment?: string, liveSince: Millis = Number.POSITIVE_INFINITY) {
    const latest = new Map<string, WorkerRecord>();
    const all = (await this.#all(workspace)).filter((w) => deployment === undefined || w.deployment === deployment);
    for (const worker of all) {
      const id = `${worker.deployment} ${worker.name}`;
      const other = latest.get(id);
      if (!other || other.heartbeatAt <= worker.heartbeatAt) latest.set(id, worker);
    }
    return all.filter((w) => w.heartbeatAt >= liveSince || latest.get(`${w.deployment} ${w.name}`) === w);
  }

  async heartbeats(workspace: string, sessions: readonly string[]): Promise<Map<string, Millis>> {
    const keys = [...new Set(sessions)].filter((s) => s !== "").map((s) => sessionKey(workspace, s));
    const items = await this.#table.getAll(keys);
    return new Map(items.map((item) => [text(item, "sk")!, number(item, "heartbeat_at")!]));
  }

  async #all(workspace: string): Promise<WorkerRecord[]> {
    const items = await this.#table.query(within(sessionKey(workspace, "").pk));
    return this.#readable.of(items, (item) => `worker ${workspace}/${text(item, "sk")}`, workerOf);
  }
}

const workerOf = (item: Item): WorkerRecord => ({
  deployment: text(item, "deployment")!,
  name: text(item, "name")!,
  session: text(item, "sk")!,
  pid: number(item, "pid") ?? null,
  abilities: text(item, "abilities") ?? null,
  createdAt: shownTime(number(item, "created_at")),
  registeredAt: shownTime(number(item, "registered_at")),
  heartbeatAt: shownTime(number(item, "heartbeat_at")),
  load: item.load ? shownObject(JSON.parse(text(item, "load")!) as WorkerLoad) : null,
});
