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
/** `key`: hash of the API key with which the worker registers. */
export type NewSession = Session & { readonly pid?: number; readonly key?: string; readonly abilities: string };

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

  async register(p: NewSession, now: Millis): Promise<void> {
    // A restarted worker keeps its name, and is listed as created with its first session.
    const all = await this.#all(p.workspace);
    const before = all.filter((w) => w.deployment === p.deployment && w.name === p.worker);
    const since = Math.min(now, ...before.map((w) => w.createdAt));
    await this.#table.update(
      keyOf(p.workspace, p.session),
      "SET deployment = :deployment, #name = :name, created_at = if_not_exists(created_at, :since), registered_at = :now, heartbeat_at = :now, #ttl = :ttl, pid = :pid, abilities = :abilities, #key = :key",
      {
        names: { "#name": "name", "#ttl": "ttl", "#key": "key" },
        values: {
          ":deployment": S(p.deployment),
          ":name": S(p.worker),
          ":since": N(since),
          ":now": N(now),
          ":ttl": N(ttlSeconds(now + KEPT_MS)),
          ":pid": p.pid === undefined ? { NULL: true } : N(p.pid),
          ":abilities": S(p.abilities),
          ":key": S(p.key ?? ""),
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

  /** Ends the sessions of the workers that registered with this API key. */
  async endThoseOf(workspace: string, key: string): Promise<void> {
    const items = await this.#table.query(within(keyOf(workspace, "").pk));
    const those = items.filter((item) => text(item, "key") === key);
    await Promise.all(those.map((item) => this.#table.delete(keyOf(workspace, text(item, "sk")!))));
  }

  /** Ends the sessions of the workers of a deployment that registered with none of these API keys. */
  async endOthers(workspace: string, deployment: string, keys: readonly string[]): Promise<void> {
    const items = await this.#table.query(within(keyOf(workspace, "").pk));
    const those = items.filter(
      (item) => text(item, "deployment") === deployment && !keys.includes(text(item, "key") ?? ""),
    );
    await Promise.all(those.map((item) => this.#table.delete(keyOf(workspace, text(item, "sk")!))));
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
  pid: number(item, "pid") ?? null,
  abilities: text(item, "abilities") ?? null,
  createdAt: number(item, "created_at")!,
  registeredAt: number(item, "registered_at")!,
  heartbeatAt: number(item, "heartbeat_at")!,
});
