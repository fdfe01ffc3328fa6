/** Retention: deletes closed runs with their feed, and worker sessions, in batches so that requests do not wait for it. */
import type { Millis } from "../protocol/history.ts";
import type { Database } from "./database.ts";
import type { Sequence } from "./sequence.ts";

const BATCH = 200;

/** Deletes up to 200 runs closed before `before`, and answers how many. The caller repeats it until it answers 0. */
export function expire(db: Database, sequence: Sequence, before: Millis): number {
  const runs = db.all(
    "SELECT run, ws, execution FROM runs WHERE closed_at < ? ORDER BY closed_at LIMIT ?",
    before,
    BATCH,
  );
  if (runs.length > 0) sequence.store();
  for (const { run, ws, execution } of runs) {
    db.run("DELETE FROM log WHERE run = ?", run!);
    db.run("DELETE FROM progress WHERE run = ?", run!);
    db.run("DELETE FROM activities WHERE run = ?", run!);
    // The head is deleted with its last run, unless it is still due: then its outbox has entries to perform.
    db.run("DELETE FROM heads WHERE ws = ? AND execution = ? AND run = ? AND due_at IS NULL", ws!, execution!, run!);
    db.run("DELETE FROM runs WHERE run = ?", run!);
    // Messages whose sender crashed after the close and before it deleted them again.
    const headGone = "NOT EXISTS (SELECT 1 FROM heads h WHERE h.ws = inbox.ws AND h.execution = inbox.execution)";
    db.run(`DELETE FROM inbox WHERE ws = ? AND execution = ? AND ${headGone}`, ws!, execution!);
  }
  db.run("DELETE FROM workers WHERE heartbeat_at < ?", before);
  return runs.length;
}
