/** Attempts and heartbeats of activities in open runs; the close of a run deletes them. */

import type { Readable } from "../lib/readable.ts";
import type { Activities, ActivityKey, AttemptReport } from "../ports.ts";
import { type Database, json, parse, type Row } from "./database.ts";

export class EmbeddedActivities implements Activities {
  readonly #db: Database;
  readonly #readable: Readable;

  constructor(db: Database, readable: Readable) {
    this.#db = db;
    this.#readable = readable;
  }

  async begin({ run, activity, attempt, queued, session, now }: Parameters<Activities["begin"]>[0]) {
    const isLatest = this.#unlessSuperseded(
      `INSERT INTO activities (run, activity, attempt, begun, session) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
       SET attempt = excluded.attempt, begun = MAX(begun, excluded.begun), session = excluded.session
       WHERE attempt <= excluded.attempt`,
      run,
      activity,
      attempt,
      queued ? 1 : 0,
      session ?? null,
    );
    return isLatest ? now : null; // the feed finds what it has by the id alone
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
  #unlessSuperseded(sql: string, ...values: (string | number | null)[]): boolean {
    return this.#db.run(sql, ...values) > 0;
  }

  async lastBeat({ run, activity }: ActivityKey) {
    const row = this.#db.one("SELECT details FROM activities WHERE run = ? AND activity = ?", run, activity);
    return row?.details ? this.#read<unknown>(run, activity, "heartbeat", row.details) : null;
  }

  async requestCancel({ run, activity }: ActivityKey) {
    this.#db.run(
      "INSERT INTO activities (run, activity, cancel) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET cancel = 1",
      run,
      activity,
    );
  }

  async failed({ run, activity, attempt, failure, retryAt, now }: Parameters<Activities["failed"]>[0]) {
    this.#unlessSuperseded(
      `INSERT INTO activities (run, activity, attempt, begun, failed) VALUES (?, ?, ?, 1, ?) ON CONFLICT DO UPDATE
       SET attempt = excluded.attempt, failed = excluded.failed WHERE attempt <= excluded.attempt`,
      run,
      activity,
      attempt,
      json({ attempt, failure, retryAt }),
    );
    return now;
  }

  async report({ run, activity }: ActivityKey): Promise<AttemptReport | null> {
    const row = this.#db.one(
      "SELECT attempt, session, details, beat_at, failed FROM activities WHERE run = ? AND activity = ?",
      run,
      activity,
    );
    if (!row) return null;
    const attempt = Number(row.attempt);
    const failed = await this.#read<AttemptReport["failed"]>(run, activity, "failed attempt", row.failed ?? "null");
    const details = row.details ? await this.#read<unknown>(run, activity, "heartbeat", row.details) : null;
    return {
      attempt,
      session: row.session as string | null,
      beat: row.beat_at === null ? null : { at: Number(row.beat_at), details },
      failed: failed?.attempt === attempt ? failed : null,
    };
  }

  /** An attempt goes on without what cannot be read. */
  #read<T>(run: string, activity: number, what: string, stored: Row[string]): Promise<T | null> {
    return this.#readable.one(`${what} of activity ${activity} of run ${run}`, () => parse<T>(stored));
  }

  async status({ run, activity }: ActivityKey) {
    const row = this.#db.one("SELECT attempt, cancel FROM activities WHERE run = ? AND activity = ?", run, activity);
    return { attempt: Number(row?.attempt ?? 0), cancelRequested: row?.cancel === 1 };
  }
}
