/** Schedules in SQLite: one row each, and rows of some twenty log entries that no longer fit in the schedule's own row. */
import type { DueSchedule, ScheduleKey, ScheduleLife, Schedules, StoredSchedule } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { LogEntry, ScheduleState } from "../schedule/rules/index.ts";
import { type Database, json, parse } from "./database.ts";

export class EmbeddedSchedules implements Schedules {
  readonly #db: Database;
  /** Called with the time of every `arm`. */
  onArm: (at: Millis) => void = () => {};

  constructor(db: Database) {
    this.#db = db;
  }

  async get({ workspace, schedule }: ScheduleKey): Promise<StoredSchedule | null> {
    const row = this.#db.one("SELECT wake_at, body FROM schedules WHERE ws = ? AND id = ?", workspace, schedule);
    return row ? { state: parse<ScheduleState>(row.body), wakeAt: row.wake_at as number | null } : null;
  }

  async create(workspace: string, { state, wakeAt }: StoredSchedule) {
    const put = this.#db.run(
      "INSERT OR IGNORE INTO schedules (ws, id, version, created_at, wake_at, body) VALUES (?, ?, ?, ?, ?, ?)",
      workspace,
      state.schedule_id,
      state.version,
      state.created_at,
      wakeAt,
      json(state),
    );
    return put === 1;
  }

  async replace(workspace: string, seen: ScheduleState, { state, wakeAt }: StoredSchedule) {
    const put = this.#db.run(
      `UPDATE schedules SET version = ?, wake_at = ?, body = ?
       WHERE ws = ? AND id = ? AND version = ? AND created_at = ?`,
      state.version,
      wakeAt,
      json(state),
      workspace,
      seen.schedule_id,
      seen.version,
      seen.created_at,
    );
    return put === 1;
  }

  async delete({ workspace, schedule }: ScheduleKey) {
    return this.#db.atomically(() => {
      this.#db.run("DELETE FROM schedule_log WHERE ws = ? AND id = ?", workspace, schedule);
      return this.#db.run("DELETE FROM schedules WHERE ws = ? AND id = ?", workspace, schedule) === 1;
    });
  }

  async list(workspace: string, p: { after?: string; limit: number }) {
    const rows = this.#db.all(
      "SELECT body FROM schedules WHERE ws = ? AND id > ? ORDER BY id LIMIT ?",
      workspace,
      p.after ?? "",
      p.limit,
    );
    return rows.map((row) => parse<ScheduleState>(row.body));
  }

  async due(until: Millis, limit: number): Promise<DueSchedule[]> {
    const rows = this.#db.all(
      "SELECT ws, id, wake_at FROM schedules WHERE wake_at <= ? ORDER BY wake_at LIMIT ?",
      until,
      limit,
    );
    return rows.map((row) => ({ workspace: String(row.ws), schedule: String(row.id), wakeAt: Number(row.wake_at) }));
  }

  async arm(_: ScheduleKey, at: Millis | null) {
    if (at !== null) this.onArm(at);
  }

  async putLog({ workspace, schedule, createdAt }: ScheduleLife, entries: readonly LogEntry[]) {
    const [first] = entries;
    const last = entries.at(-1);
    if (!first || !last) return;
    this.#db.run(
      "INSERT OR REPLACE INTO schedule_log (ws, id, created_at, first, at, body) VALUES (?, ?, ?, ?, ?, ?)",
      workspace,
      schedule,
      createdAt,
      first.seq,
      last.at,
      json(entries),
    );
  }

  async log({ workspace, schedule, createdAt }: ScheduleLife, p: { before: number; limit: number }) {
    const found: LogEntry[] = [];
    let before = p.before;
    while (found.length < p.limit) {
      const row = this.#db.one(
        `SELECT first, body FROM schedule_log WHERE ws = ? AND id = ? AND created_at = ? AND first < ?
         ORDER BY first DESC LIMIT 1`,
        workspace,
        schedule,
        createdAt,
        before,
      );
      if (!row) break;
      const entries = parse<LogEntry[]>(row.body).filter((entry) => entry.seq < before);
      found.push(...entries.reverse());
      before = Number(row.first);
    }
    return found.slice(0, p.limit);
  }

  /** Deletes log entries decided before `before`; the newest ones, in the schedules' own rows, stay. */
  expire(before: Millis): void {
    this.#db.run("DELETE FROM schedule_log WHERE at < ?", before);
  }
}
