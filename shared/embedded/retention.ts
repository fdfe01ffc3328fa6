/** Retention: deletes closed runs with their feed, and worker sessions, in chunks between which requests are served. */
import { pause } from "../lib/turns.ts";
import { type Log, type SetAside, StoreFailed } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { type Database, parse, type Row } from "./database.ts";
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
}

/** Deletes what was closed before `before`. A run that cannot be deleted is set aside and holds up no other. */
export async function expire(r: Retention, before: Millis): Promise<void> {
  let after: [Millis, string] = [Number.MIN_SAFE_INTEGER, ""];
  for (;;) {
    const runs = r.database.all(
      `SELECT run, ws, execution, started_at, closed_at, search_keys FROM runs
       WHERE closed_at < ? AND (closed_at, run) > (?, ?) ORDER BY closed_at, run LIMIT ${RUNS}`,
      before,
      ...after,
    );
    for (const row of runs) {
      after = [Number(row.closed_at), String(row.run)];
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
  r.database.run("DELETE FROM workers WHERE heartbeat_at < ?", before);
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

async function expireRun({ database: db, sequence }: Retention, row: Row): Promise<void> {
  const { run, ws, execution } = row as Record<string, string>;
  const of = { run: run!, workspace: ws!, started_at: Number(row.started_at) };
  sequence.store(); // in the transaction that deletes numbered rows
  await deleteRows(db, "log", "first", run!);
  await deleteRows(db, "progress", "seq", run!);
  await deleteRows(db, "log_records", "first", run!);
  db.atomically(() => {
    removeSearchKeys(db, of, parse<Record<string, string>>(row.search_keys));
    db.run("DELETE FROM activities WHERE run = ?", run!);
    // The head is deleted with its last run, unless it is still due: then its outbox has entries to perform.
    db.run("DELETE FROM heads WHERE ws = ? AND execution = ? AND run = ? AND due_at IS NULL", ws!, execution!, run!);
    db.run("DELETE FROM runs WHERE run = ?", run!);
    // Messages whose sender crashed after the close and before it deleted them again.
    const headGone = "NOT EXISTS (SELECT 1 FROM heads h WHERE h.ws = inbox.ws AND h.execution = inbox.execution)";
    db.run(`DELETE FROM inbox WHERE ws = ? AND execution = ? AND ${headGone}`, ws!, execution!);
  });
}
