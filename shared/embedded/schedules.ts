/**
 * Schedules in SQLite: one row each, and rows of some twenty log entries that no longer fit in the schedule's own row.
 *
 * SCHEDULECACHE-1. The schedules that were read or written last stay in memory, and those that `due` has just named: one statement
 *     reads hundreds of them in the time of some dozens. This process alone writes the file, and what is known of a row is
 *     forgotten before a write of it. A schedule is frozen, because several callers get the same object.
 */

import { LruCache } from "../lib/lru-cache.ts";
import type { Readable } from "../lib/readable.ts";
import {
  type DueSchedule,
  type ScheduleChange,
  type ScheduleKey,
  type ScheduleLife,
  type Schedules,
  type StoredSchedule,
  UnreadableSchedule,
} from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { hasOutbox, type LogEntry, type ScheduleState } from "../schedule/rules/index.ts";
import { type Database, json, parse, type Row } from "./database.ts";
import { SCHEDULE_COLUMNS, stateOf, textOf } from "./schedule-rows.ts";

interface Known {
  readonly workspace: string;
  /** Not parsed yet; null: `stored` is. */
  readonly row: Row | null;
  readonly stored: StoredSchedule | null;
}

const MOST_KNOWN = 1_000;
/** Characters of a schedule's JSON. Longer ones have a large input, or many runs. */
const MOST_CHARACTERS = 8_000;

export class EmbeddedSchedules implements Schedules {
  readonly #db: Database;
  /** By the id alone, as in `head-cache.ts`. */
  readonly #known = new LruCache<Known>(MOST_KNOWN);
  readonly #readable: Readable;
  /** Called with the time of every `arm`. */
  onArm: (at: Millis) => void = () => {};

  constructor(db: Database, readable: Readable) {
    this.#db = db;
    this.#readable = readable;
  }

  #remember(workspace: string, { state, wakeAt }: StoredSchedule, characters: number): void {
    if (characters > MOST_CHARACTERS) return;
    this.#known.set(state.schedule_id, { workspace, row: null, stored: { state: Object.freeze(state), wakeAt } });
  }

  #knownOf({ workspace, schedule }: ScheduleKey): Known | undefined {
    const known = this.#known.get(schedule);
    return known?.workspace === workspace ? known : undefined; // schedules of two workspaces may have one id
  }

  async get(key: ScheduleKey): Promise<StoredSchedule | null> {
    if (this.#db.failure) throw this.#db.failure; // what is remembered may not have been written
    const known = this.#knownOf(key);
    if (known?.stored) return known.stored;
    const sql = `SELECT ${SCHEDULE_COLUMNS}, wake_at FROM schedules WHERE ws = ? AND id = ?`;
    const row = known?.row ?? this.#db.one(sql, key.workspace, key.schedule);
    if (!row) return null;
    const state = stateOf(row);
    if (state instanceof UnreadableSchedule) throw state;
    const stored = { state, wakeAt: row.wake_at as number | null };
    this.#remember(key.workspace, stored, String(row.body).length);
    return stored;
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
      hasOutbox(state) ? 1 : null,
      textOf(workspace, state).body,
    );
    return put === 1;
  }

  async replace(workspace: string, seen: ScheduleState, next: StoredSchedule) {
    const { write, isWritten } = this.replacing({ workspace, seen, next });
    const put = write();
    if (put) isWritten();
    return put;
  }

  /** `replace` as a part of a larger call: `write` within what may be undone, `isWritten` after it. */
  replacing({ workspace, seen, next }: ScheduleChange): { write: () => boolean; isWritten: () => void } {
    const { body, isReadable } = textOf(workspace, next.state);
    return {
      write: () => this.#replace(workspace, seen, next, body),
      isWritten: () => {
        if (isReadable) this.#remember(workspace, next, body.length);
      },
    };
  }

  #replace(workspace: string, seen: ScheduleState, { state, wakeAt }: StoredSchedule, body: string): boolean {
    this.#known.delete(seen.schedule_id);
    const put = this.#db.run(
      `UPDATE schedules SET version = ?, wake_at = ?, outbox = ?, body = ?
       WHERE ws = ? AND id = ? AND version = ? AND created_at = ?`,
      state.version,
      wakeAt,
      hasOutbox(state) ? 1 : null,
      body,
      workspace,
      seen.schedule_id,
      seen.version,
      seen.created_at,
    );
    return put === 1;
  }

  async delete({ workspace, schedule }: ScheduleKey) {
    this.#known.delete(schedule);
    return this.#db.atomically(() => {
      this.#db.run("DELETE FROM schedule_log WHERE ws = ? AND id = ?", workspace, schedule);
      return this.#db.run("DELETE FROM schedules WHERE ws = ? AND id = ?", workspace, schedule) === 1;
    });
  }

  async list(workspace: string, p: { after?: string; limit: number; maxBytes?: number }) {
    const sql = `SELECT ${SCHEDULE_COLUMNS} FROM schedules WHERE ws = ? AND id > ? ORDER BY id LIMIT 1`;
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
      `SELECT ws, id, version, created_at, wake_at, CASE WHEN length(body) <= ? THEN body END AS body FROM schedules
       WHERE wake_at <= ? ORDER BY wake_at LIMIT ?`,
      MOST_CHARACTERS,
      until,
      limit,
    );
    return rows.map((row) => {
      const key = { workspace: String(row.ws), schedule: String(row.id) };
      const isAhead = row.body !== null && !this.#knownOf(key);
      if (isAhead) this.#known.set(key.schedule, { workspace: key.workspace, row, stored: null });
      return { ...key, wakeAt: Number(row.wake_at) };
    });
  }

  async clearWakeAt({ workspace, schedule }: ScheduleKey) {
    this.#known.delete(schedule);
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
