/** Attempts and heartbeats of activities in open runs; the close of a run deletes them. */

import type { Activities, ActivityKey, AttemptKey } from "../ports.ts";
import { type Database, json, parse } from "./database.ts";

export class EmbeddedActivities implements Activities {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async begin({ run, activity, attempt, queued }: AttemptKey & { queued: boolean }) {
    return this.#unlessSuperseded(
      `INSERT INTO activities (run, activity, attempt, begun) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
       SET attempt = excluded.attempt, begun = MAX(begun, excluded.begun) WHERE attempt <= excluded.attempt`,
      run,
      activity,
      attempt,
      queued ? 1 : 0,
    );
  }

  async begun({ run, activities }: Parameters<Activities["begun"]>[0]) {
    return activities.filter(
      (n) => this.#db.one("SELECT 1 FROM activities WHERE run = ? AND activity = ? AND begun = 1", run, n) !== null,
    );
  }

  async beat({ run, activity, attempt, details, now }: Parameters<Activities["beat"]>[0]) {
    return this.#unlessSuperseded(
      `INSERT INTO activities (run, activity, attempt, details, beat_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
       SET attempt = excluded.attempt, details = excluded.details, beat_at = excluded.beat_at
       WHERE attempt <= excluded.attempt`,
      run,
      activity,
      attempt,
      json(details),
      now,
    );
  }

  /** False: a later attempt has begun, and the statement changed nothing. */
  #unlessSuperseded(sql: string, ...values: (string | number)[]): boolean {
    return this.#db.run(sql, ...values) > 0;
  }

  async lastBeat({ run, activity }: ActivityKey) {
    const row = this.#db.one("SELECT details FROM activities WHERE run = ? AND activity = ?", run, activity);
    return row?.details ? parse<unknown>(row.details) : null;
  }

  async requestCancel({ run, activity }: ActivityKey) {
    this.#db.run(
      "INSERT INTO activities (run, activity, cancel) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET cancel = 1",
      run,
      activity,
    );
  }

  async status({ run, activity }: ActivityKey) {
    const row = this.#db.one("SELECT attempt, cancel FROM activities WHERE run = ? AND activity = ?", run, activity);
    return { attempt: Number(row?.attempt ?? 0), cancelRequested: row?.cancel === 1 };
  }
}
