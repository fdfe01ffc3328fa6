/** Forgets closed runs, the feed of them, and workers long gone. Runs in small bites so that nobody waits for it. */
import type { Millis } from "../protocol/history.ts";
import type { Database } from "./database.ts";
import type { Sequence } from "./sequence.ts";

const BITE = 200;

/** Deletes runs closed before `before`; answers how many. Call again while it answers `BITE`. */
export function expire(db: Database, sequence: Sequence, before: Millis): number {
  const runs = db.all(
    "SELECT run, ws, execution FROM runs WHERE closed_at < ? ORDER BY closed_at LIMIT ?",
    before,
    BITE,
  );
  if (runs.length > 0) sequence.remember();
  for (const { run, ws, execution } of runs) {
    db.run("DELETE FROM log WHERE run = ?", run!);
    db.run("DELETE FROM progress WHERE run = ?", run!);
    db.run("DELETE FROM activities WHERE run = ?", run!);
    // The head goes with its last run, unless somebody is still owed something.
    db.run("DELETE FROM heads WHERE ws = ? AND execution = ? AND run = ? AND due_at IS NULL", ws!, execution!, run!);
    db.run("DELETE FROM runs WHERE run = ?", run!);
    // Messages that came too late to be taken in, left behind by a crash.
    const gone = "NOT EXISTS (SELECT 1 FROM heads h WHERE h.ws = inbox.ws AND h.execution = inbox.execution)";
    db.run(`DELETE FROM inbox WHERE ws = ? AND execution = ? AND ${gone}`, ws!, execution!);
  }
  db.run("DELETE FROM workers WHERE heartbeat_at < ?", before);
  return runs.length;
}
