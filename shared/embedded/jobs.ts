/** Jobs and the outcomes of their pages. */
import { type Readable, shownList, shownObject } from "../lib/readable.ts";
import type { JobKey, Jobs, StoredJob } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { JobOutcome } from "../protocol/job.ts";
import { type Database, json, parse, type Row } from "./database.ts";

export class EmbeddedJobs implements Jobs {
  readonly #db: Database;
  readonly #readable: Readable;
  /** Called when a job has been made. */
  onCreate: () => void = () => {};

  constructor(db: Database, readable: Readable) {
    this.#db = db;
    this.#readable = readable;
  }

  async create(job: StoredJob) {
    const made = this.#db.run(
      "INSERT OR IGNORE INTO jobs (ws, id, version, due_at, ended_at, body) VALUES (?, ?, ?, ?, ?, ?)",
      job.workspace,
      job.id,
      job.version,
      job.dueAt,
      job.endedAt,
      json(job),
    );
    if (made === 1) this.onCreate();
    return made === 1;
  }

  async get({ workspace, id }: JobKey) {
    const row = this.#db.one("SELECT body FROM jobs WHERE ws = ? AND id = ?", workspace, id);
    return row ? parse<StoredJob>(row.body) : null;
  }

  async list(workspace: string, p: { before?: string; limit: number }) {
    const sql = "SELECT id, body FROM jobs WHERE ws = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3";
    const found: StoredJob[] = [];
    for (let before = p.before ?? null; found.length < p.limit; ) {
      const rows = this.#db.all(sql, workspace, before, p.limit - found.length);
      const last = rows.at(-1);
      if (!last) break;
      before = String(last.id);
      const nameOf = ({ id }: Row) => `job ${workspace}/${id}`;
      found.push(...this.#readable.of(rows, nameOf, (row) => shownObject(parse<StoredJob>(row.body))));
    }
    return found;
  }

  async replace(next: StoredJob) {
    const replaced = this.#db.run(
      "UPDATE jobs SET version = ?, due_at = ?, ended_at = ?, body = ? WHERE ws = ? AND id = ? AND version = ?",
      next.version,
      next.dueAt,
      next.endedAt,
      json(next),
      next.workspace,
      next.id,
      next.version - 1,
    );
    return replaced === 1;
  }

  async putOutcomes(key: JobKey, page: number, outcomes: readonly JobOutcome[]) {
    this.#db.run(
      "INSERT OR IGNORE INTO job_outcomes (ws, job, page, body) VALUES (?, ?, ?, ?)",
      key.workspace,
      key.id,
      page,
      json(outcomes),
    );
    return this.outcomes(key, page);
  }

  async outcomes({ workspace, id }: JobKey, page: number) {
    const row = this.#db.one(
      "SELECT body FROM job_outcomes WHERE ws = ? AND job = ? AND page = ?",
      workspace,
      id,
      page,
    );
    const nameOf = () => `outcomes of page ${page} of job ${workspace}/${id}`;
    return this.#readable.of(row ? [row] : [], nameOf, ({ body }) => shownList(parse<JobOutcome[]>(body))).flat();
  }

  async due(until: Millis, limit: number) {
    const rows = this.#db.all("SELECT ws, id FROM jobs WHERE due_at <= ? ORDER BY due_at LIMIT ?", until, limit);
    return rows.map((row) => ({ workspace: String(row.ws), id: String(row.id) }));
  }

  /** Deletes the jobs that ended before `before`, with their outcomes. */
  expire(before: Millis): void {
    const old = this.#db.all("SELECT ws, id FROM jobs WHERE ended_at < ? LIMIT 100", before);
    for (const { ws, id } of old) {
      this.#db.run("DELETE FROM job_outcomes WHERE ws = ? AND job = ?", String(ws), String(id));
      this.#db.run("DELETE FROM jobs WHERE ws = ? AND id = ?", String(ws), String(id));
    }
  }
}
