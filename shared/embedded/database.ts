/**
 * One SQLite file (or `:memory:`), written by one process.
 *
 * COMMIT-1. Group commit: the first write of an iteration of the event loop begins a transaction, all further writes of the
 *     iteration join it, and one commit (one fsync) ends it. Reads on the same connection see the writes at once.
 * COMMIT-2. Nothing leaves the process before its commit: code that answers a caller outside awaits `durable()` first. So a
 *     killed process loses only writes that no caller has seen acknowledged.
 * COMMIT-3. Callers that wait for a change are woken after the commit.
 * COMMIT-4. A commit that fails (disk full) breaks the database: all pending and all later writes are rejected, and
 *     `onFailure` is called, so that its owner stops the process. A restart recovers the last commit.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { SCHEMA, VERSION } from "./schema.ts";

type Value = string | number | null;
export type Row = Record<string, Value>;

export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #open = false;
  #pending: { resolve: () => void; reject: (why: unknown) => void }[] = [];
  #afterCommit: (() => void)[] = [];
  #broken: unknown = null;
  /** Called once if a commit fails. */
  onFailure: (why: unknown) => void = () => {};
  commits = 0;

  /** `path`: a file, created if missing, or `:memory:`. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;");
    this.#db.exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;");
    if (path !== ":memory:") this.#db.exec("PRAGMA locking_mode = EXCLUSIVE;");
    const { user_version } = this.#db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (user_version === 0) this.#db.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${VERSION}; COMMIT;`);
    else if (user_version !== VERSION) {
      throw new Error(
        `the data in ${path} has format ${user_version}, this program reads format ${VERSION}: use the version that wrote it, or another --data directory`,
      );
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  one(sql: string, ...values: Value[]): Row | null {
    return (this.#prepare(sql).get(...values) as Row | undefined) ?? null;
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[];
  }

  /** Writes inside the open transaction (COMMIT-1) and answers the number of rows changed. */
  run(sql: string, ...values: Value[]): number {
    this.#begin();
    return Number(this.#prepare(sql).run(...values).changes);
  }

  #begin(): void {
    if (this.#broken) throw new Error("the database has failed", { cause: this.#broken });
    if (this.#open) return;
    this.#prepare("BEGIN IMMEDIATE").run();
    this.#open = true;
    setImmediate(() => this.#commit());
  }

  #commit(): void {
    if (!this.#open) return;
    this.#open = false;
    const pending = this.#pending;
    const after = this.#afterCommit;
    this.#pending = [];
    this.#afterCommit = [];
    try {
      this.#prepare("COMMIT").run();
      this.commits += 1;
    } catch (why) {
      this.#broken = why; // COMMIT-4
      for (const { reject } of pending) reject(why);
      this.onFailure(why);
      return;
    }
    for (const { resolve } of pending) resolve();
    for (const fn of after) fn(); // COMMIT-3
  }

  /** Resolves once all writes so far are committed (COMMIT-2). */
  durable(): Promise<void> {
    if (this.#broken) return Promise.reject(new Error("the database has failed", { cause: this.#broken }));
    if (!this.#open) return Promise.resolve();
    return new Promise((resolve, reject) => this.#pending.push({ resolve, reject }));
  }

  /** Runs `fn` after the commit of the open transaction, or at once if none is open. */
  afterCommit(fn: () => void): void {
    if (this.#open) this.#afterCommit.push(fn);
    else fn();
  }

  /** Commits the open transaction and closes the file. */
  close(): void {
    this.#commit();
    this.#db.close();
  }
}

export const json = (value: unknown): string => JSON.stringify(value ?? null);
export const parse = <T>(text: Value | undefined): T => JSON.parse(text as string) as T;
