/** Schedules in SQLite: one row each, and rows of some twenty log entries that no longer fit in the schedule's own row. */

import type { Readable } from "../lib/readable.ts";
import {
  type DueSchedule,
  type ScheduleKey,
  type ScheduleLife,
  type Schedules,
  type StoredSchedule,
  UnreadableSchedule,
} from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { type LogEntry, outboxOf, readState, type ScheduleState } from "../schedule/rules/index.ts";
import { type Database, json, parse, type Row } from "./database.ts";

function stateOf(row: Row): ScheduleState | UnreadableSchedule {
  const state = readState(String(row.body));
  return "problem" in state ? new UnreadableSchedule(String(row.id), Number(row.created_at), state.problem) : state;
}

const hasOutbox = (state: ScheduleState) => (outboxOf(state).length > 0 ? 1 : null);

export class EmbeddedSchedules implements Schedules {
  readonly #db: Database;
  readonly #readable: Readable;
  /** Called with the time of every `arm`. */
  onArm: (at: Millis) => void = () => {};

  constructor(db: Database, readable: Readable) {
    this.#db = db;
    this.#readable = readable;
  }

  async get({ workspace, schedule }: ScheduleKey): Promise<StoredSchedule | null> {
    const sql = "SELECT id, created_at, wake_at, body FROM schedules WHERE ws = ? AND id = ?";
    const row = this.#db.one(sql, workspace, schedule);
    if (!row) return null;
    const state = stateOf(row);
    if (state instanceof UnreadableSchedule) throw state;
    return { state, wakeAt: row.wake_at as number | null };
  }

  async create(workspace: string, { state, wakeAt }: StoredSchedule) {
    const put = this.#db.run(
      `INSERT OR IGNORE INTO schedules (ws, id, version, created_at, wake_at, outbox, body)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      workspace,
      state.schedule_id,
      state.version,
      state.created_at,
      wakeAt,
      hasOutbox(state),
      json(state),
    );
    return put === 1;
  }

  async replace(workspace: string, seen: ScheduleState, { state, wakeAt }: StoredSchedule) {
    const put = this.#db.run(
      `UPDATE schedules SET version = ?, wake_at = ?, outbox = ?, body = ?
       WHERE ws = ? AND id = ? AND version = ? AND created_at = ?`,
      state.version,
      wakeAt,
      hasOutbox(state),
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

  async list(workspace: string, p: { after?: string; limit: number; maxBytes?: number }) {
    const sql = "SELECT id, created_at, body FROM schedules WHERE ws = ? AND id > ? ORDER BY id LIMIT 1";
    const states: (ScheduleState | UnreadableSchedule)[] = [];
    let [after, bytes] = [p.after ?? "", 0];
    while (states.length < p.limit && bytes < (p.maxBytes ?? Number.POSITIVE_INFINITY)) {
      const row = this.#db.one(sql, workspace, after);
      if (!row) break;
      states.push(stateOf(row));
      after = String(row.id);
      bytes += String(row.body).length;
    }
    return states;
  }

  async due(until: Millis, limit: number): Promise<DueSchedule[]> {
    const rows = this.#db.all(
      "SELECT ws, id, wake_at FROM schedules WHERE wake_at <= ? ORDER BY wake_at LIMIT ?",
      until,
      limit,
    );
    return rows.map((row) => ({ workspace: String(row.ws), schedule: String(row.id), wakeAt: Number(row.wake_at) }));
  }

  async clearWakeAt({ workspace, schedule }: ScheduleKey) {
    this.#db.run("UPDATE schedules SET wake_at = NULL WHERE ws = ? AND id = ?", workspace, schedule);
  }

  /** Schedules with effects that have no result yet, whenever they are due. */
  withOutbox(): ScheduleKey[] {
    const rows = this.#db.all("SELECT ws, id FROM schedules WHERE outbox = 1");
    return rows.map((row) => ({ workspace: String(row.ws), schedule: String(row.id) }));
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
      const nameOf = () => `log of schedule ${workspace}/${schedule} from entry ${row.first}`;
      const [entries = []] = this.#readable.of([row], nameOf, ({ body }) =>
        parse<LogEntry[]>(body).filter((entry) => entry.seq < before),
      );
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
