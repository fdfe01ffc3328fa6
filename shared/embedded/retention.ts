/**
 * Retention: deletes closed runs with their feed in chunks between which requests are served. So are
 * the logs of executions that were deleted: one transaction has hidden them before (DELETE-1), by deleting all rows but those.
 */
import { closedRun } from "../core/rollups.ts";
import { readableNow } from "../lib/readable.ts";
import { storedBatch } from "../lib/stored.ts";
import { pause } from "../lib/turns.ts";
import { type Log, type Ref, type SetAside, StoreFailed } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";
import { type Database, parse, type Row } from "./database.ts";
import { headOfRun, RUN_COLUMNS } from "./head-rows.ts";
import type { EmbeddedRollups } from "./rollups.ts";
import { removeSearchKeys } from "./search-keys.ts";
import type { Sequence } from "./sequence.ts";

/** Runs that one query finds. */
const RUNS = 200;
/** Rows that one statement deletes. */
const ROWS = 500;

export interface Retention {
  readonly database: Database;
  readonly sequence: Sequence;
  readonly setAside: SetAside;
  readonly log: Log;
  /** The head was deleted. */
  readonly forgetHead: (ref: Ref) => void;
}

/** Deletes what was closed before `before`. A run that cannot be deleted is set aside and holds up no other. */
export async function expire(r: Retention, before: Millis): Promise<void> {
  const nextWorkspace = "SELECT ws FROM runs WHERE ws > ? ORDER BY ws LIMIT 1";
  for (let next = r.database.one(nextWorkspace, ""); next; next = r.database.one(nextWorkspace, String(next.ws))) {
    await expireRuns(r, String(next.ws), before);
  }
}

async function expireRuns(r: Retention, workspace: string, before: Millis): Promise<void> {
  let after: [Millis, string] = [Number.MIN_SAFE_INTEGER, ""];
  for (;;) {
    const runs = r.database.all(
      `SELECT run, ws, execution, started_at, ends_at, search_keys FROM runs
       WHERE ws = ? AND ends_at < ? AND (ends_at, run) > (?, ?) ORDER BY ends_at, run LIMIT ${RUNS}`,
      workspace,
      before,
      ...after,
    );
    for (const row of runs) {
      after = [Number(row.ends_at), String(row.run)];
      const name = `run ${row.run}`;
      if (r.setAside.has(name)) continue;
      try {
        await expireRun(r, row);
        r.setAside.remove(name);
      } catch (error) {
        if (error instanceof StoreFailed) throw error;
        r.setAside.add(name);
        r.log.error("retention: a run could not be deleted and is set aside", { run: row.run, error });
      }
      await pause();
    }
    if (runs.length < RUNS) break;
    await r.database.durable();
  }
}

/** Deletes the logs of runs that a reset began to prepare before `before` and, because its process died, never put. */
export async function expirePrepared(db: Database, before: Millis): Promise<void> {
  for (const { run } of db.all("SELECT run FROM prepared_runs WHERE at < ?", before)) {
    await deleteRows(db, "log", "first", String(run));
    db.run("DELETE FROM prepared_runs WHERE run = ?", String(run));
  }
}

/** In chunks between which requests are served. `key`: the column that tells the rows of a run apart. */
async function deleteRows(
  db: Database,
  table: "log" | "progress" | "log_records",
  key: "first" | "seq",
  run: string,
): Promise<void> {
  const some = `(SELECT ${key} FROM ${table} WHERE run = ? ORDER BY ${key} LIMIT ${ROWS})`;
  while (db.run(`DELETE FROM ${table} WHERE run = ? AND ${key} IN ${some}`, run, run) === ROWS) await pause();
}

async function deleteEvents({ database: db, sequence }: Pick<Retention, "database" | "sequence">, run: string) {
  sequence.store(); // in the transaction that deletes numbered rows
  await deleteRows(db, "log", "first", run);
  await deleteRows(db, "progress", "seq", run);
}

/** Null: they cannot be read. */
function searchKeysOf(row: Row): Record<string, string> | null {
  const keys = readableNow(() => parse<Record<string, string> | null>(row.search_keys));
  return keys && Object.values(keys).every((value) => typeof value === "string") ? keys : null;
}

/** The rows by which a run is found. */
function deleteRun(db: Database, row: Row): void {
  const of = { run: String(row.run), workspace: String(row.ws), started_at: Number(row.started_at) };
  const keys = searchKeysOf(row);
  if (keys) removeSearchKeys(db, of, keys);
  else db.run("DELETE FROM search_keys WHERE ws = ? AND run = ?", of.workspace, of.run);
  db.run("DELETE FROM activities WHERE run = ?", of.run);
  db.run("DELETE FROM runs WHERE run = ?", of.run);
}

async function expireRun(r: Retention, row: Row): Promise<void> {
  const { database: db } = r;
  const { run, ws, execution } = row as Record<"run" | "ws" | "execution", string>;
  await deleteEvents(r, run);
  await deleteRows(db, "log_records", "first", run);
  db.atomically(() => {
    // The head is deleted with its last run, unless it is still due: then its outbox has entries to perform.
    r.forgetHead({ workspace: ws, execution });
    db.run("DELETE FROM heads WHERE ws = ? AND execution = ? AND run = ? AND due_at IS NULL", ws, execution, run);
    deleteRun(db, row);
    // Messages whose sender crashed after the close and before it deleted them again.
    const headGone = "NOT EXISTS (SELECT 1 FROM heads h WHERE h.ws = inbox.ws AND h.execution = inbox.execution)";
    db.run(`DELETE FROM inbox WHERE ws = ? AND execution = ? AND ${headGone}`, ws, execution);
    // Tasks that no worker has received since, such as those of a deployment whose last worker has gone.
    db.run("DELETE FROM tasks WHERE key BETWEEN ? AND ?", `activity#${run}#`, `activity#${run}#~`);
    const isGone = "NOT EXISTS (SELECT 1 FROM heads WHERE ws = ? AND execution = ?)";
    db.run(`DELETE FROM tasks WHERE key = ? AND ${isGone}`, `workflow#${ws}#${execution}`, ws, execution);
  });
}

/** Runs that one transaction hides. */
const HIDDEN_AT_ONCE = 50;

/**
 * DELETE-1: everything but the logs, which may be long. Answers the runs, and whether they were the last ones. One transaction hides
 * the execution with its last runs. Before, others hide the runs that it has continued from, some at a time: between them the
 * execution is what retention leaves of one that is older.
 */
export function hideRuns(
  { database: db, rollups }: { readonly database: Database; readonly rollups: EmbeddedRollups },
  { workspace, execution, run }: Pick<Head, "workspace" | "execution" | "run">,
  now: Millis,
): { runs: string[]; last: boolean } {
  const key = [workspace, execution] as const;
  db.writeWaiting(); // outside of what may be undone
  return db.atomically(() => {
    const columns = `${RUN_COLUMNS}, started_at`;
    const past = db.all(
      `SELECT ${columns} FROM runs WHERE ws = ? AND execution = ? AND run <> ? LIMIT ${HIDDEN_AT_ONCE}`,
      ...key,
      run,
    );
    const last = past.length < HIDDEN_AT_ONCE;
    // A damaged head may name no run, or that of another execution (DELETE-6).
    const current = `SELECT ${columns} FROM runs WHERE ws = ? AND execution = ? AND run = ?`;
    const rows = last ? [...past, ...db.all(current, ...key, run)] : past;
    for (const row of rows) {
      const hidden = String(row.run);
      const head = readableNow(() => headOfRun(row));
      if (head) forgetFailure(db, rollups, head);
      // Without a head the token of the start is unknown: that start may begin again.
      db.run(
        "INSERT INTO deleted_runs (run, ws, execution, token, at, stored) VALUES (?, ?, ?, ?, ?, 1)",
        hidden,
        ...key,
        head?.token ?? hidden,
        now,
      );
      deleteRun(db, row);
      db.run("DELETE FROM log_records WHERE run = ?", hidden);
      // Attempts that nobody wants any more, with their inputs.
      db.run("DELETE FROM tasks WHERE key BETWEEN ? AND ?", `activity#${hidden}#`, `activity#${hidden}#~`);
    }
    if (last) {
      db.run("DELETE FROM tasks WHERE key = ?", `workflow#${workspace}#${execution}`);
      for (const table of ["heads", "inbox", "log_records"])
        db.run(`DELETE FROM ${table} WHERE ws = ? AND execution = ?`, ...key);
    }
    return { runs: rows.map((row) => String(row.run)), last };
  });
}

/** DELETE-5. The example stays where the batch that tells the failure cannot be read. */
function forgetFailure(db: Database, rollups: EmbeddedRollups, head: Head): void {
  if (head.status !== "FAILED" && head.status !== "TIMED_OUT") return;
  const last = db.one("SELECT body FROM log WHERE run = ? ORDER BY first DESC LIMIT 1", head.run);
  if (!last) return;
  const failed = readableNow(() => closedRun(head, storedBatch(String(last.body)), 0));
  if (failed) rollups.forget(head.workspace, failed);
}

/** Deletes the logs of the hidden execution, or of all hidden ones. Begins no run after `until`. */
export async function eraseHidden(
  r: Pick<Retention, "database" | "sequence">,
  o: { ref?: Ref; until?: () => boolean } = {},
): Promise<void> {
  const [where, values] = o.ref ? ["AND ws = ? AND execution = ?", [o.ref.workspace, o.ref.execution]] : ["", []];
  for (;;) {
    const row = r.database.one(`SELECT run FROM deleted_runs WHERE stored = 1 ${where} LIMIT 1`, ...values);
    if (!row || o.until?.()) return;
    await deleteEvents(r, String(row.run));
    r.database.run("UPDATE deleted_runs SET stored = NULL WHERE run = ?", String(row.run));
    await pause();
  }
}

/** DELETE-4. */
export async function expireTombstones(db: Database, before: Millis): Promise<void> {
  const some = `SELECT run FROM deleted_runs WHERE at < ? AND stored IS NULL LIMIT ${ROWS}`;
  while (db.run(`DELETE FROM deleted_runs WHERE run IN (${some})`, before) === ROWS) await pause();
}
