/** Facts about queued and beating activities of runs that are open; deleted when the run closes. */

import type { Activities, Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { type Database, json, parse } from "./database.ts";

export class EmbeddedActivities implements Activities {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async begin(_ref: Ref, run: string, activity: number) {
    this.#db.run(
      "INSERT INTO activities (run, activity, begun) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET begun = 1",
      run,
      activity,
    );
  }

  async begun(_ref: Ref, run: string, activities: readonly number[]) {
    return activities.filter(
      (n) => this.#db.one("SELECT 1 FROM activities WHERE run = ? AND activity = ? AND begun = 1", run, n) !== null,
    );
  }

  async beat(_ref: Ref, run: string, activity: number, _attempt: number, details: unknown, now: Millis) {
    this.#db.run(
      `INSERT INTO activities (run, activity, details, beat_at) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET details = excluded.details, beat_at = excluded.beat_at`,
      run,
      activity,
      json(details),
      now,
    );
  }

  async lastBeat(_ref: Ref, run: string, activity: number) {
    const row = this.#db.one("SELECT details FROM activities WHERE run = ? AND activity = ?", run, activity);
    return row?.details ? parse<unknown>(row.details) : null;
  }

  async requestCancel(_ref: Ref, run: string, activity: number) {
    this.#db.run(
      "INSERT INTO activities (run, activity, cancel) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET cancel = 1",
      run,
      activity,
    );
  }

  async cancelRequested(_ref: Ref, run: string, activity: number) {
    const row = this.#db.one("SELECT 1 FROM activities WHERE run = ? AND activity = ? AND cancel = 1", run, activity);
    return row !== null;
  }
}
