/** Groups of log records: one row each, deleted with their run. */
import type { Readable } from "../lib/readable.ts";
import type { DeploymentPlace, LogRecords, Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { type LogGroup, storedGroup, unreadGroup } from "../protocol/log-records.ts";
import { type Database, json, parse, type Row } from "./database.ts";
import type { Notifier } from "./notifier.ts";

/** Rows of one answer, and characters after which it ends early. */
const MOST_ROWS = 100;
const MOST_CHARACTERS = 1_000_000;
/** Groups of one millisecond have places one after the other: so much is no clock that was set back. */
const AHEAD_STEP_MS: Millis = 1_000;

export class EmbeddedLogRecords implements LogRecords {
  readonly #db: Database;
  readonly #notifier: Notifier;
  readonly #readable: Readable;

  constructor(db: Database, notifier: Notifier, readable: Readable) {
    this.#db = db;
    this.#notifier = notifier;
    this.#readable = readable;
  }

  async last(ref: Ref) {
    const row = this.#db.one(
      "SELECT ws, execution, first, body, dropped, at FROM log_records WHERE ws = ? AND execution = ? ORDER BY first DESC LIMIT 1",
      ref.workspace,
      ref.execution,
    );
    if (!row) return null;
    return this.#groupsOf([row])[0] ?? unreadGroup(Number(row.first));
  }

  async put(ref: Ref, group: LogGroup) {
    const { first, run, deployment, dropped } = group;
    const last = this.#db.one(
      "SELECT at FROM log_records WHERE ws = ? AND deployment = ? ORDER BY at DESC LIMIT 1",
      ref.workspace,
      deployment,
    );
    const at = Math.max(group.at, Number(last?.at ?? 0) + 1);
    const written = this.#db.run(
      "INSERT OR IGNORE INTO log_records (ws, execution, first, run, deployment, at, dropped, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      ref.workspace,
      ref.execution,
      first,
      run,
      deployment,
      at,
      dropped,
      json(group),
    );
    if (written === 1) this.#announce(ref);
    const ahead = at - group.at;
    if (ahead > AHEAD_STEP_MS && ahead > (await this.ahead(ref.workspace, deployment))) {
      const name = aheadOf(ref.workspace, deployment);
      this.#db.run("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", name, ahead);
    }
    return written === 1;
  }

  async addDropped(ref: Ref, first: number, n: number) {
    this.#db.run(
      "UPDATE log_records SET dropped = dropped + ? WHERE ws = ? AND execution = ? AND first = ?",
      n,
      ref.workspace,
      ref.execution,
      first,
    );
    this.#announce(ref);
  }

  async ofExecution(ref: Ref, { from, order }: { from?: number; order: "asc" | "desc" }) {
    const rows = this.#db.each(
      `SELECT ws, execution, first, body, dropped, at FROM log_records
       WHERE ws = ? AND execution = ? AND first ${order === "asc" ? ">=" : "<="} ? ORDER BY first ${order}`,
      ref.workspace,
      ref.execution,
      from ?? (order === "asc" ? 0 : Number.MAX_SAFE_INTEGER),
    );
    return this.#groupsOf(rows);
  }

  /** `at` alone is the place: it is unique within a deployment. */
  async ofDeployment(
    workspace: string,
    deployment: string,
    { from, order }: { from?: DeploymentPlace; order: "asc" | "desc" },
  ) {
    const rows = this.#db.each(
      `SELECT ws, execution, first, body, dropped, at FROM log_records
       WHERE ws = ? AND deployment = ? AND at ${order === "asc" ? ">=" : "<="} ? ORDER BY at ${order}`,
      workspace,
      deployment,
      from?.at ?? (order === "asc" ? 0 : Number.MAX_SAFE_INTEGER),
    );
    return this.#groupsOf(rows);
  }

  async ahead(workspace: string, deployment: string): Promise<Millis> {
    const row = this.#db.one("SELECT value FROM meta WHERE name = ?", aheadOf(workspace, deployment));
    return Number(row?.value ?? 0) + AHEAD_STEP_MS;
  }

  /** Ends after groups, not rows: rows that cannot be read must not look like the end. */
  #groupsOf(rows: Iterable<Row>): LogGroup[] {
    const nameOf = (row: Row) => `log records ${row.ws}/${row.execution}/${row.first}`;
    const groups: LogGroup[] = [];
    let characters = 0;
    for (const row of rows) {
      groups.push(...this.#readable.of([row], nameOf, groupOf));
      characters += String(row.body).length;
      if (groups.length >= MOST_ROWS || characters >= MOST_CHARACTERS) break;
    }
    return groups;
  }

  #announce(ref: Ref): void {
    this.#notifier.announceExecution(ref);
    this.#notifier.announceFeed(ref.workspace);
  }
}

/** Row of `meta` for a deployment on whose logs a clock that was set back has had an effect. */
const aheadOf = (workspace: string, deployment: string): string => `logs-ahead ${workspace} ${deployment}`;

const groupOf = (row: Row): LogGroup => ({
  ...storedGroup(parse<LogGroup>(row.body)),
  dropped: Number(row.dropped),
  at: Number(row.at),
});
