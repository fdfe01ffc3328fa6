/**
 * Workers' sessions: one item each, written at every heartbeat. A session is alive by the time of its heartbeat, not by the
 * presence of its item: DynamoDB deletes expired items days late.
 */
import type { WorkerRecord } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { ttlSeconds } from "./keys.ts";
import { type Item, type Key, N, number, S, type Table, text, within } from "./table.ts";

export interface Session {
  readonly workspace: string;
  readonly deployment: string;
  readonly worker: string;
  readonly session: string;
}

/** By session alone: a caller that asks for a heartbeat knows nothing but the session. */
const keyOf = (workspace: string, session: string): Key => ({ pk: `${workspace}#workers`, sk: session });

/** A session without heartbeats is listed for a day. Every execute reads the list, so it must not grow further. */
const KEPT_MS: Millis = 86_400_000;
/** DynamoDB may delete days late, so a registration deletes sessions without heartbeats for this long. */
const DELETED_AFTER_MS: Millis = KEPT_MS + 3_600_000;

export class Sessions {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  async register(p: Session, now: Millis): Promise<void> {
    // A restarted worker keeps its name, and is listed as created with its first session.
    const all = await this.#all(p.workspace);
    const before = all.filter((w) => w.deployment === p.deployment && w.name === p.worker);
    const since = Math.min(now, ...before.map((w) => w.createdAt));
    await this.#table.update(
      keyOf(p.workspace, p.session),
      "SET deployment = :deployment, #name = :name, created_at = if_not_exists(created_at, :since), registered_at = :now, heartbeat_at = :now, #ttl = :ttl",
      {
        names: { "#name": "name", "#ttl": "ttl" },
        values: {
          ":deployment": S(p.deployment),
          ":name": S(p.worker),
          ":since": N(since),
          ":now": N(now),
          ":ttl": N(ttlSeconds(now + KEPT_MS)),
        },
      },
    );
    const gone = all.filter((w) => now - w.heartbeatAt > DELETED_AFTER_MS).slice(0, 100);
    await Promise.all(gone.map((w) => this.#table.delete(keyOf(p.workspace, w.session))));
  }

  async beat(p: Session, now: Millis): Promise<boolean> {
    const beaten = await this.#table.update(keyOf(p.workspace, p.session), "SET heartbeat_at = :now, #ttl = :ttl", {
      condition: "deployment = :deployment",
      names: { "#ttl": "ttl" },
      values: { ":now": N(now), ":ttl": N(ttlSeconds(now + KEPT_MS)), ":deployment": S(p.deployment) },
    });
    return beaten.ok;
  }

  async leave(p: Session): Promise<void> {
    const key = keyOf(p.workspace, p.session);
    const there = await this.#table.get(key);
    if (there && text(there, "deployment") === p.deployment) await this.#table.delete(key);
  }

  /** The latest session of each name. */
  async latest(workspace: string, deployment?: string): Promise<WorkerRecord[]> {
    const latest = new Map<string, WorkerRecord>();
    for (const worker of await this.#all(workspace)) {
      if (deployment !== undefined && worker.deployment !== deployment) continue;
      const id = `${worker.deployment} ${worker.name}`;
      const other = latest.get(id);
      if (!other || other.heartbeatAt <= worker.heartbeatAt) latest.set(id, worker);
    }
    return [...latest.values()];
  }

  async heartbeats(workspace: string, sessions: readonly string[]): Promise<Map<string, Millis>> {
    const keys = [...new Set(sessions)].filter((s) => s !== "").map((s) => keyOf(workspace, s));
    const items = await this.#table.getAll(keys);
    return new Map(items.map((item) => [text(item, "sk")!, number(item, "heartbeat_at")!]));
  }

  async #all(workspace: string): Promise<WorkerRecord[]> {
    return (await this.#table.query(within(keyOf(workspace, "").pk))).map(workerOf);
  }
}

const workerOf = (item: Item): WorkerRecord => ({
  deployment: text(item, "deployment")!,
  name: text(item, "name")!,
  session: text(item, "sk")!,
  createdAt: number(item, "created_at")!,
  registeredAt: number(item, "registered_at")!,
  heartbeatAt: number(item, "heartbeat_at")!,
});
