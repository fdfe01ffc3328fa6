/** Deployments, workers, registrations and keys in SQLite. */

import { type AbilitiesRecord, abilitiesRecord } from "../lib/abilities.ts";
import { steadyOf } from "../lib/clock.ts";
import { LruCache } from "../lib/lru-cache.ts";
import { type Readable, shownObject, shownTime } from "../lib/readable.ts";
import { storedKey } from "../lib/stored-key.ts";
import type {
  Abilities,
  Clock,
  CurrentDeployment,
  DeploymentRecord,
  Holds,
  KeyRecord,
  RegistrationRecord,
  Registry,
  Serving,
  VersionRecord,
  WorkerRecord,
  WorkflowChange,
  WorkflowRecord,
} from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { WorkflowDefinition } from "../protocol/worker.ts";
import type { WorkerLoad } from "../protocol/worker-load.ts";
import { type Database, json, parse, type Row } from "./database.ts";

/** Rows of `meta`, one per workspace that had a hold. */
const HOLDS = "holds#";

/** No two pairs share a key, whatever characters the names have. */
const servingKey = (workspace: string, workflow: string): string => json([workspace, workflow]);

export class EmbeddedRegistry implements Registry {
  readonly #db: Database;
  /** By hash. Only this process writes keys, so a write keeps it true; every request reads one. */
  readonly #keys = new LruCache<KeyRecord>(1_000);
  /** By workspace, likewise; every claim reads them. */
  readonly #holds = new LruCache<Holds>(1_000);
  /** By workspace and workflow, likewise; every start reads them. */
  readonly #serving = new LruCache<Serving>(1_000);
  /** By workspace, likewise: by deployment its latest heartbeat. Every start asks which deployments are active. */
  #latest = new LruCache<ReadonlyMap<string, Millis>>(1_000);
  readonly #uuid: () => string;
  readonly #clock: Clock;
  readonly #readable: Readable;
  /** When the store was opened. Workers could not send heartbeats before, so no session counts as silent since earlier. */
  readonly #since: Millis;
  #lastAhead: Millis = 0;

  /** Heartbeats are stored as times of the steady clock: setting the machine's clock makes no worker live or dead. */
  constructor(o: { db: Database; uuid: () => string; clock: Clock; readable: Readable }) {
    const { db, clock } = o;
    this.#db = db;
    this.#uuid = o.uuid;
    this.#clock = clock;
    this.#readable = o.readable;
    this.#since = steadyOf(clock);
    // The steady clock of an earlier process may have been ahead of ours.
    if (db.one("SELECT 1 FROM workers WHERE heartbeat_at > ? LIMIT 1", this.#since) === null) return;
    db.run("UPDATE workers SET heartbeat_at = ?1 WHERE heartbeat_at > ?1", this.#since);
  }

  /**
   * By how much the machine's clock is ahead of the steady one. Changes below a second are ignored: they would make the
   * times that lists show, and sort by, waver between two pages.
   */
  #ahead(): Millis {
    const ahead = this.#clock.now() - steadyOf(this.#clock);
    if (Math.abs(ahead - this.#lastAhead) >= 1_000) this.#lastAhead = ahead;
    return this.#lastAhead;
  }

  async register(p: {
    workspace: string;
    deployment: string;
    worker: string;
    session: string;
    pid?: number;
    key?: string;
    definitions: readonly WorkflowDefinition[];
    activities?: readonly string[];
    version?: Pick<VersionRecord, "of" | "name">;
    now: Millis;
  }) {
    const { workspace: ws, deployment, now } = p;
    const can: AbilitiesRecord = abilitiesRecord(p);
    return this.#db.atomically(() => {
      this.#db.run("INSERT OR IGNORE INTO abilities (ws, id, body) VALUES (?, ?, ?)", ws, can.id, can.json);
      this.#db.run(
        `INSERT INTO deployments (ws, name, id, created_at, updated_at, version_of, version) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET updated_at = excluded.updated_at,
         version = IIF(version_of IS NULL, excluded.version, version), version_of = IFNULL(version_of, excluded.version_of)`,
        ws,
        deployment,
        this.#uuid(),
        now,
        now,
        p.version?.of ?? null,
        p.version?.name ?? null,
      );
      this.#latest.delete(ws);
      // A restarted worker keeps its name and registers a new session: the worker was created with the oldest of them.
      const before = this.#db.one(
        "SELECT MIN(created_at) AS created FROM workers WHERE ws = ? AND deployment = ? AND name = ?",
        ws,
        deployment,
        p.worker,
      );
      this.#db.run(
        `INSERT INTO workers (ws, deployment, session, name, created_at, registered_at, heartbeat_at, pid, abilities, key)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET registered_at = excluded.registered_at, heartbeat_at = excluded.heartbeat_at,
         abilities = excluded.abilities, key = excluded.key`,
        ws,
        deployment,
        p.session,
        p.worker,
        Number(before?.created ?? now),
        now,
        now - this.#ahead(),
        p.pid ?? null,
        can.id,
        p.key ?? null,
      );
      return p.definitions.map((definition) => this.#define(ws, deployment, definition, now));
    });
  }

  #define(ws: string, deployment: string, definition: WorkflowDefinition, now: Millis) {
    const known = this.#db.all("SELECT id, name, body FROM workflows WHERE ws = ? AND name = ?", ws, definition.name);
    const [old = null] = this.#storedWorkflows(ws, known);
    const workflow: StoredWorkflow = {
      id: old?.id ?? (known[0] ? String(known[0].id) : this.#uuid()),
      name: definition.name,
      displayName: definition.display_name ?? old?.displayName ?? definition.name,
      description: definition.description ?? old?.description ?? null,
      tags: old?.tags ?? [],
      archived: old?.archived ?? false,
      availableInChatAssistant: old?.availableInChatAssistant ?? false,
      createdAt: old?.createdAt ?? now,
      set: old?.set ?? {},
    };
    if (json(old) !== json(workflow)) this.#putWorkflow(ws, workflow);
    this.#serving.delete(servingKey(ws, definition.name));
    this.#db.run(
      `INSERT INTO registrations (ws, workflow, deployment, id, created_at, updated_at, definition)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET updated_at = excluded.updated_at, definition = excluded.definition`,
      ws,
      definition.name,
      deployment,
      this.#uuid(),
      now,
      now,
      json(definition),
    );
    const row = this.#db.one(
      "SELECT id FROM registrations WHERE ws = ? AND workflow = ? AND deployment = ?",
      ws,
      definition.name,
      deployment,
    );
    return { workflowId: workflow.id, registrationId: String(row?.id) };
  }

  #putWorkflow(ws: string, workflow: StoredWorkflow): void {
    this.#serving.delete(servingKey(ws, workflow.name));
    this.#db.run(
      "INSERT OR REPLACE INTO workflows (ws, name, id, body) VALUES (?, ?, ?, ?)",
      ws,
      workflow.name,
      workflow.id,
      json(workflow),
    );
  }

  async deploymentOfSession(workspace: string, session: string) {
    const row = this.#db.one("SELECT deployment FROM workers WHERE ws = ? AND session = ?", workspace, session);
    return row ? String(row.deployment) : null;
  }

  async beat(p: { workspace: string; deployment: string; session: string; load?: WorkerLoad; now: Millis }) {
    this.#latest.delete(p.workspace);
    const updated = this.#db.run(
      "UPDATE workers SET heartbeat_at = ?, load = ? WHERE ws = ? AND deployment = ? AND session = ?",
      p.now - this.#ahead(),
      p.load ? json(p.load) : null,
      p.workspace,
      p.deployment,
      p.session,
    );
    return updated === 1;
  }

  async leave(p: { workspace: string; deployment: string; session: string }) {
    this.#latest.delete(p.workspace);
    this.#db.run(
      "DELETE FROM workers WHERE ws = ? AND deployment = ? AND session = ?",
      p.workspace,
      p.deployment,
      p.session,
    );
  }

  async deployments(workspace: string) {
    const rows = this.#db.all("SELECT * FROM deployments WHERE ws = ?", workspace);
    return this.#readable.of(rows, ({ name }) => `deployment ${workspace}/${name}`, deploymentOf);
  }

  async deployment(workspace: string, name: string) {
    const row = this.#db.one("SELECT * FROM deployments WHERE ws = ? AND name = ?", workspace, name);
    return row ? deploymentOf(row) : null;
  }

  async introduced(workspace: string, deployment: string) {
    this.#db.run("UPDATE deployments SET introduced = 1 WHERE ws = ? AND name = ?", workspace, deployment);
  }

  async retire(workspace: string, deployment: string) {
    const of = [workspace, deployment] as const;
    return this.#db.atomically(() => {
      const sql = "SELECT workflow FROM registrations WHERE ws = ? AND deployment = ? ORDER BY workflow";
      const workflows = this.#db.all(sql, ...of).map((row) => String(row.workflow));
      for (const workflow of workflows) this.#serving.delete(servingKey(workspace, workflow));
      this.#db.run("DELETE FROM registrations WHERE ws = ? AND deployment = ?", ...of);
      this.#latest.delete(workspace);
      this.#db.run("DELETE FROM workers WHERE ws = ? AND deployment = ?", ...of);
      return workflows;
    });
  }

  async authorize(p: { workspace: string; deployment: string; keys: readonly string[] | null; now: Millis }) {
    const keys = p.keys === null ? null : json(p.keys);
    this.#db.atomically(() => {
      this.#db.run(
        `INSERT INTO deployments (ws, name, id, created_at, updated_at, authorized_keys) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET authorized_keys = excluded.authorized_keys`,
        p.workspace,
        p.deployment,
        this.#uuid(),
        p.now,
        p.now,
        keys,
      );
      if (keys === null) return;
      this.#latest.delete(p.workspace);
      this.#db.run(
        `DELETE FROM workers WHERE ws = ? AND deployment = ?
           AND (key IS NULL OR key NOT IN (SELECT value FROM json_each(?)))`,
        p.workspace,
        p.deployment,
        keys,
      );
    });
  }

  async workers(workspace: string, deployment?: string, liveSince?: Millis) {
    const rows = this.#db.all(
      `SELECT * FROM (
         SELECT *, ROW_NUMBER() OVER (PARTITION BY deployment, name ORDER BY heartbeat_at DESC, session) AS place
         FROM workers WHERE ws = ?${deployment === undefined ? "" : " AND deployment = ?"}
       ) WHERE place = 1 OR heartbeat_at >= ? ORDER BY deployment, name, place`,
      workspace,
      ...(deployment === undefined ? [] : [deployment]),
      liveSince === undefined ? Number.MAX_SAFE_INTEGER : liveSince - this.#ahead(),
    );
    const read = (r: Row): WorkerRecord => ({
      deployment: String(r.deployment),
      name: String(r.name),
      session: String(r.session),
      pid: r.pid === null ? null : Number(r.pid),
      abilities: r.abilities as string | null,
      createdAt: shownTime(r.created_at),
      registeredAt: shownTime(r.registered_at),
      heartbeatAt: shownTime(Number(r.heartbeat_at) + this.#ahead()),
      load: r.load === null ? null : shownObject(parse<WorkerLoad>(r.load)),
    });
    return this.#readable.of(rows, ({ session }) => `worker ${workspace}/${session}`, read);
  }

  async active(workspace: string, since: Millis, among?: readonly string[]) {
    const latest = this.#latestBeats(workspace);
    const from = since - this.#ahead();
    const names = among ?? [...latest.keys()];
    return new Set(names.filter((name) => (latest.get(name) ?? Number.NEGATIVE_INFINITY) >= from));
  }

  #latestBeats(workspace: string): ReadonlyMap<string, Millis> {
    const known = this.#latest.get(workspace);
    if (known) return known;
    const sql = "SELECT deployment, MAX(heartbeat_at) AS latest FROM workers WHERE ws = ? GROUP BY deployment";
    const rows = this.#db.all(sql, workspace);
    const latest = new Map(rows.map((row) => [String(row.deployment), Number(row.latest)]));
    this.#latest.set(workspace, latest);
    return latest;
  }

  /** Deletes the sessions whose last heartbeat was before. */
  expireSessions(before: Millis): void {
    this.#latest = new LruCache(1_000);
    this.#db.run("DELETE FROM workers WHERE heartbeat_at < ?", before);
  }

  async abilities(workspace: string, ids: readonly string[]) {
    const found = new Map<string, Abilities>();
    for (const id of new Set(ids)) {
      const row = this.#db.one("SELECT body FROM abilities WHERE ws = ? AND id = ?", workspace, id);
      if (row) found.set(id, parse<Abilities>(row.body));
    }
    return found;
  }

  /** A session counts as silent at most since the store was opened: otherwise an outage of the server would end them all. */
  async heartbeats(workspace: string, sessions: readonly string[]) {
    const found = new Map<string, Millis>();
    for (const session of sessions) {
      const row = this.#db.one("SELECT heartbeat_at FROM workers WHERE ws = ? AND session = ?", workspace, session);
      if (row) found.set(session, Math.max(this.#since, Number(row.heartbeat_at)) + this.#ahead());
    }
    return found;
  }

  async registrations(workspace: string, filter: { workflow?: string; deployment?: string } = {}) {
    return this.#registrations(workspace, filter);
  }

  #registrations(workspace: string, filter: { workflow?: string; deployment?: string }) {
    const rows = this.#db.all(
      `SELECT r.*, w.id AS workflow_id FROM registrations r JOIN workflows w ON w.ws = r.ws AND w.name = r.workflow
       WHERE r.ws = ? AND (? IS NULL OR r.workflow = ?) AND (? IS NULL OR r.deployment = ?)
       ORDER BY r.created_at, r.id`,
      workspace,
      filter.workflow ?? null,
      filter.workflow ?? null,
      filter.deployment ?? null,
      filter.deployment ?? null,
    );
    const nameOf = ({ workflow, deployment }: Row) => `registration ${workspace}/${workflow}/${deployment}`;
    return this.#readable.of(rows, nameOf, registrationOf);
  }

  async serving(workspace: string, workflow: string) {
    const key = servingKey(workspace, workflow);
    const known = this.#serving.get(key);
    if (known) return known;
    const serving = {
      registrations: this.#registrations(workspace, { workflow }),
      current: this.#current(workspace, workflow),
    };
    this.#serving.set(key, serving);
    return serving;
  }

  async current(workspace: string, workflow: string) {
    return this.#current(workspace, workflow);
  }

  #current(workspace: string, workflow: string) {
    const row = this.#db.one("SELECT body FROM current_deployments WHERE ws = ? AND workflow = ?", workspace, workflow);
    return row ? parse<CurrentDeployment>(row.body) : null;
  }

  async currents(workspace: string) {
    const sql = "SELECT workflow, body FROM current_deployments WHERE ws = ? ORDER BY workflow";
    const nameOf = ({ workflow }: Row) => `current deployment ${workspace}/${workflow}`;
    return this.#readable.of(this.#db.all(sql, workspace), nameOf, (row) =>
      shownObject(parse<CurrentDeployment>(row.body)),
    );
  }

  async setCurrent(workspace: string, next: CurrentDeployment) {
    const { workflow, version } = next;
    this.#serving.delete(servingKey(workspace, workflow));
    const written =
      version === 1
        ? this.#db.run(
            "INSERT OR IGNORE INTO current_deployments (ws, workflow, version, body) VALUES (?, ?, 1, ?)",
            workspace,
            workflow,
            json(next),
          )
        : this.#db.run(
            "UPDATE current_deployments SET version = ?, body = ? WHERE ws = ? AND workflow = ? AND version = ?",
            version,
            json(next),
            workspace,
            workflow,
            version - 1,
          );
    return written === 1;
  }

  async clearCurrent(workspace: string, { workflow, version }: CurrentDeployment) {
    this.#serving.delete(servingKey(workspace, workflow));
    const sql = "DELETE FROM current_deployments WHERE ws = ? AND workflow = ? AND version = ?";
    return this.#db.run(sql, workspace, workflow, version) === 1;
  }

  async holds(workspace: string) {
    return this.#holdsOf(workspace);
  }

  async knownHolds(workspace: string) {
    return this.#holdsOf(workspace).holds;
  }

  async setHolds(workspace: string, next: Holds) {
    // Nothing is awaited in between, so no other change comes between the comparison and the write.
    if (this.#holdsOf(workspace).version !== next.version - 1) return false;
    this.#db.run("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", HOLDS + workspace, json(next));
    this.#holds.set(workspace, next);
    return true;
  }

  #holdsOf(workspace: string): Holds {
    let known = this.#holds.get(workspace);
    if (!known) {
      const row = this.#db.one("SELECT value FROM meta WHERE name = ?", HOLDS + workspace);
      known = row ? parse<Holds>(row.value) : { version: 0, holds: [] };
      this.#holds.set(workspace, known);
    }
    return known;
  }

  async releases() {
    const rows = this.#db.all("SELECT name, value FROM meta WHERE name >= ? AND name < ?", HOLDS, `${HOLDS}~`);
    const isReleasing = (row: Row) => parse<Holds>(row.value).holds.some(({ release }) => release !== null);
    return this.#readable
      .of(
        rows,
        ({ name }) => String(name),
        (row) => (isReleasing(row) ? String(row.name).slice(HOLDS.length) : null),
      )
      .filter((workspace) => workspace !== null);
  }

  async registration(workspace: string, id: string) {
    const row = this.#db.one(
      `SELECT r.*, w.id AS workflow_id FROM registrations r JOIN workflows w ON w.ws = r.ws AND w.name = r.workflow
       WHERE r.ws = ? AND r.id = ?`,
      workspace,
      id,
    );
    return row ? registrationOf(row) : null;
  }

  async workflows(workspace: string) {
    const rows = this.#db.all("SELECT name, body FROM workflows WHERE ws = ? ORDER BY name", workspace);
    return this.#storedWorkflows(workspace, rows).map(workflowOf);
  }

  #storedWorkflows(workspace: string, rows: readonly Row[]): StoredWorkflow[] {
    const nameOf = ({ name }: Row) => `workflow ${workspace}/${name}`;
    return this.#readable.of(rows, nameOf, (row) => shownObject(parse<StoredWorkflow>(row.body)));
  }

  async workflow(workspace: string, nameOrId: string) {
    const row =
      this.#db.one("SELECT body FROM workflows WHERE ws = ? AND name = ?", workspace, nameOrId) ??
      this.#db.one("SELECT body FROM workflows WHERE ws = ? AND id = ?", workspace, nameOrId);
    return row ? workflowOf(parse<StoredWorkflow>(row.body)) : null;
  }

  async changeWorkflow(workspace: string, name: string, change: WorkflowChange) {
    const row = this.#db.one("SELECT body FROM workflows WHERE ws = ? AND name = ?", workspace, name);
    if (!row) return null;
    const old = parse<StoredWorkflow>(row.body);
    if (change.seenTags && json(change.seenTags.toSorted()) !== json(old.tags.toSorted())) return null;
    const set: StoredWorkflow["set"] = {};
    for (const field of ["displayName", "description"] as const) {
      const value = change[field] === undefined ? old.set[field] : change[field];
      if (typeof value === "string") set[field] = value;
    }
    const tags = new Set(change.tags ?? old.tags);
    const next: StoredWorkflow = {
      ...old,
      set,
      tags: [...tags].sort(),
      archived: change.archived ?? old.archived,
      availableInChatAssistant: change.availableInChatAssistant ?? old.availableInChatAssistant,
    };
    this.#putWorkflow(workspace, next);
    return workflowOf(next);
  }

  async putKey(key: KeyRecord) {
    this.#keys.delete(key.hash);
    this.#db.run("INSERT OR REPLACE INTO keys (hash, ws, body) VALUES (?, ?, ?)", key.hash, key.workspace, json(key));
  }

  async key(hash: string) {
    const known = this.#keys.get(hash);
    if (known) return known;
    const row = this.#db.one("SELECT body FROM keys WHERE hash = ?", hash);
    if (!row) return null;
    const key = parse<KeyRecord>(row.body);
    this.#keys.set(hash, key);
    return key;
  }

  async keys(workspace: string) {
    const rows = this.#db.all("SELECT hash, body FROM keys WHERE ws = ? ORDER BY hash", workspace);
    return this.#keysOf(workspace, rows);
  }

  #keysOf(workspace: string, rows: readonly Row[]): KeyRecord[] {
    return this.#readable.of(
      rows,
      ({ hash }) => `key ${workspace}/${hash}`,
      (row) => storedKey(parse<KeyRecord>(row.body)),
    );
  }

  async removeKey(workspace: string, hash: string, { keepAdmin = false } = {}) {
    this.#keys.delete(hash);
    return this.#db.atomically(() => {
      if (keepAdmin) {
        const rows = this.#db.all("SELECT hash, body FROM keys WHERE ws = ?", workspace);
        const admins = this.#keysOf(workspace, rows).filter(
          (key) => key.rights.includes("admin") && key.expiresAt === undefined,
        );
        if (admins.length === 1 && admins[0]?.hash === hash) return "last_admin";
      }
      const removed = this.#db.run("DELETE FROM keys WHERE ws = ? AND hash = ?", workspace, hash);
      if (removed === 0) return "unknown";
      this.#latest.delete(workspace);
      this.#db.run("DELETE FROM workers WHERE ws = ? AND key = ?", workspace, hash);
      return "removed";
    });
  }
}

/** The fields of the record are the workers' own; `set` holds an operator's. */
type StoredWorkflow = WorkflowRecord & { readonly set: { displayName?: string; description?: string } };

function workflowOf({ set, ...workflow }: StoredWorkflow): WorkflowRecord {
  return { ...workflow, ...set };
}

function deploymentOf(r: Row): DeploymentRecord {
  return {
    id: String(r.id),
    name: String(r.name),
    createdAt: shownTime(r.created_at),
    updatedAt: shownTime(r.updated_at),
    authorizedKeys: r.authorized_keys === null ? null : parse<string[]>(r.authorized_keys),
    version:
      r.version_of === null
        ? null
        : { of: String(r.version_of), name: String(r.version), introduced: r.introduced === 1 },
  };
}

function registrationOf(r: Row): RegistrationRecord {
  return {
    id: String(r.id),
    workflowId: String(r.workflow_id),
    workflow: String(r.workflow),
    deployment: String(r.deployment),
    definition: shownObject(parse<WorkflowDefinition>(r.definition)),
    createdAt: shownTime(r.created_at),
    updatedAt: shownTime(r.updated_at),
  };
}
