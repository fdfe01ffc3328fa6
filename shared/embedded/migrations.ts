/**
 * Brings the data of older formats to the present one when a server opens its file.
 *
 * MIGRATE-1. Each step brings a file from one format to the next, in one transaction with the number of the new format. So a
 *     process that is killed leaves the one or the other, and the next start goes on from there.
 * MIGRATE-2. A new file is made by `SCHEMA` at once. After all steps an old file has the same tables and indexes.
 * MIGRATE-3. A step changes tables and indexes, and columns that are not within `body`. What is stored as JSON is read by
 *     readers that take earlier forms of it (HISTORY-5), so a start does not depend on how much is stored. The exception is the
 *     step to format 8, which writes the whole log anew: where a row lies is no matter of readers, and a second table for the
 *     rows that are there would double every statement that reads or deletes the log, for good.
 * MIGRATE-4. A step that a release has carried out is never changed. A newer format than the program's, and one older than
 *     the first step, is refused before anything is written.
 */
import type { DatabaseSync } from "node:sqlite";

/** The oldest format that can be brought to the present one. 1 and 2 were those of builds before the first release. */
const OLDEST = 3;

/** `STEPS[n]` brings format `OLDEST + n` to the next one. */
const STEPS: readonly string[] = [
  // 4: retention finds the closed runs of each workspace by `runs_ended`.
  "DROP INDEX runs_closed;",
  // 5: versions of deployments. The order is that of `SCHEMA`.
  `ALTER TABLE deployments ADD COLUMN version_of TEXT;
   ALTER TABLE deployments ADD COLUMN version TEXT;
   ALTER TABLE deployments ADD COLUMN introduced INTEGER NOT NULL DEFAULT 0;`,
  // 6: a receipt has the id of its task. Rows of heads are shorter (HEADROW-1): older programs cannot read these.
  "DROP INDEX tasks_receipt;",
  // 7: rows of runs that are written late (LATERUN-1).
  `CREATE TABLE late_runs (
     id INTEGER PRIMARY KEY,
     run TEXT NOT NULL, ws TEXT NOT NULL, execution TEXT NOT NULL, root TEXT NOT NULL,
     workflow TEXT NOT NULL, deployment TEXT NOT NULL, user TEXT, status TEXT NOT NULL,
     started_at INTEGER NOT NULL, closed_at INTEGER, ends_at INTEGER NOT NULL,
     parent TEXT, chain TEXT NOT NULL, root_chain TEXT NOT NULL, display_name TEXT, first_run TEXT NOT NULL, continued_from TEXT,
     schedule TEXT, attempt INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER, search_keys TEXT NOT NULL, body TEXT NOT NULL
   );`,
  // 8: rows of the log in the order of writing (LOGORDER-1). The old rows are copied in the order in which they lie, because a sort
  // by sequence would hold them all in memory. Both indexes are there before, because SQLite would sort for them too.
  `DROP INDEX log_seq;
   ALTER TABLE log RENAME TO log_before;
   CREATE TABLE log (
     id INTEGER PRIMARY KEY,
     run TEXT NOT NULL, first INTEGER NOT NULL, ws TEXT NOT NULL,
     seq INTEGER,
     n INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     retries INTEGER NOT NULL,
     batches INTEGER NOT NULL, queued INTEGER NOT NULL, messages INTEGER NOT NULL,
     body TEXT NOT NULL
   );
   CREATE UNIQUE INDEX log_run ON log (run, first);
   CREATE INDEX log_seq ON log (ws, seq);
   INSERT INTO log (run, first, ws, seq, n, bytes, retries, batches, queued, messages, body)
     SELECT run, first, ws, seq, n, bytes, retries, batches, queued, messages, body FROM log_before ORDER BY run, first;
   DROP TABLE log_before;`,
  // 9: rows of schedules are shorter (SCHEDULEROW-1): older programs cannot read these.
  "",
];

/** The format of the files that this program writes, kept in `user_version`. */
export const VERSION = OLDEST + STEPS.length;

/** Why this program cannot use data of that format; null: it can. */
export function whyNotReadable(format: number): string | null {
  if (format > VERSION) {
    return `it has format ${format}, which is newer than format ${VERSION} of this program: use the version that wrote it, or a later one`;
  }
  if (format < OLDEST) {
    return `it has format ${format}, and this program reads formats ${OLDEST} to ${VERSION}: use the version that wrote it`;
  }
  return null;
}

/** Carries out the steps from `format` on (MIGRATE-1). The caller has found `format` readable. */
export function migrate(db: DatabaseSync, format: number): void {
  for (let at = format; at < VERSION; at++) {
    db.exec("BEGIN IMMEDIATE");
    try {
      db.exec(STEPS[at - OLDEST]!);
      db.exec(`PRAGMA user_version = ${at + 1}; COMMIT`);
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw new Error(`the data could not be brought from format ${at} to ${at + 1}, and is as it was: ${error}`, {
        cause: error,
      });
    }
  }
  // A step that writes a table anew leaves a write-ahead log as long as that table.
  if (format < VERSION) db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}
