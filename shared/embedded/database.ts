/**
 * One SQLite file (or `:memory:`), written by one process.
 *
 * COMMIT-1. Group commit: the first write of an iteration of the event loop begins a transaction, all further writes of the
 *     iteration join it, one commit ends it, and one sync of the write-ahead log brings it to the disk. Reads on the same
 *     connection see the writes at once.
 * COMMIT-2. Nothing leaves the process before the sync of what it depends on: code that answers a caller outside awaits
 *     `durable()` first, also when it has only read. So a killed process, or a power cut, loses only writes that no caller has
 *     seen, acknowledged or read. (Two answers leave earlier: CLAIM-2, CLAIM-6.)
 * COMMIT-3. Callers that wait for a change are woken after the sync. Where few callers wait for the sync, a client that waits for
 *     a result goes before them: the worker that has closed the run waits for nothing of it.
 * COMMIT-4. After a commit or a sync that fails, or a statement that fails because of the disk, the file or the memory, the
 *     store has failed: the kernel may have dropped what it could not write, so that a later sync would succeed without it, and
 *     SQLite may have rolled the transaction back, and would write later statements one by one, without the
 *     earlier ones. So all pending and all later calls are rejected with `StoreFailed`, and `onFailure` is called, so that
 *     the store's owner stops the process. A restart recovers the last commit.
 * COMMIT-5. A method that writes with several statements does so inside `atomically`: if it throws, its own writes are undone
 *     (by a savepoint) and those of other callers in the same transaction are kept.
 * COMMIT-6. What the calls of a transaction add to the same rows waits in memory and is written once, before the commit, in
 *     the same transaction. A call that is undone takes its part back. Reads of such rows write first what waits. If that
 *     write fails, the store has failed (COMMIT-4): a commit without it would keep the calls and lose what they add.
 * COMMIT-7. `synchronous = NORMAL`: a commit writes to the log and does not wait for the disk. The store syncs the log itself,
 *     in a thread, and the event loop goes on; if few callers wait for few writes, the loop waits with them. While a sync runs,
 *     the next transaction is filled and not committed. So one commit at most is in the log and not on the disk: a power cut leaves
 *     the state of a moment at which all acknowledged writes were made, and `walDamage` can tell it from damage.
 * COMMIT-8. After a commit that makes the log long, the store syncs the log and copies from it into the file (a checkpoint). A
 *     thread syncs the file, and nothing is committed before that: the next commit begins the log anew, over the frames
 *     that the disk still needs. Callers whose writes are in the log are answered meanwhile. SQLite would wait for the disk
 *     twice in each checkpoint, in the event loop, so it leaves these syncs to the store, and keeps its own of the header of
 *     a new log. It writes to the log in commits alone (`cache_spill = OFF`).
 * COMMIT-9. A transaction for which nobody waits stays open until a caller does, or `UNAWAITED_MS` have passed: the start of a run
 *     whose caller waits for the result, and the close that comes a millisecond later, are one commit.
 */
import { closeSync, copyFileSync, fdatasync, fdatasyncSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { isMainThread } from "node:worker_threads";
import { Histogram } from "../lib/histogram.ts";
import { LruCache } from "../lib/lru-cache.ts";
import { StoreFailed } from "../ports.ts";
import { migrate, VERSION, whyNotReadable } from "./migrations.ts";
import { prepare, type Statement, type Value } from "./prepare.ts";
import { SCHEMA } from "./schema.ts";
import type { Sync } from "./sync-thread.ts";
import { type WalDamage, walDamage } from "./wal-damage.ts";
import { hasFrame } from "./wal-format.ts";

export type { Value };
export type Row = Record<string, Value>;

/** The adapter has about a hundred texts of statements, and some lists build theirs from the filters of a request. */
const MOST_STATEMENTS = 300;

/**
 * A commit that makes the log longer than this is followed by a checkpoint: 16 MB. Most commits change the same pages, and a
 * checkpoint copies each once: with a longer log it copies fewer pages for each commit, and holds the event loop longer.
 */
const CHECKPOINT_PAGES = 4_000;

/**
 * COMMIT-7. With so few callers the event loop waits for the disk itself: by way of a thread they would be answered later, by
 * the time that it takes to wake the thread and the loop.
 */
const FEW_CALLERS = 2;
/**
 * One call of a worker may bring steps of many executions. Then the loop has further calls to serve while the disk works. The
 * start of an execution and its close are a dozen statements each.
 */
const FEW_STATEMENTS = 16;

/** COMMIT-9. A worker of the same machine needs less for a run without steps. */
const UNAWAITED_MS = 5;

/**
 * Pages that SQLite keeps, KB. A commit whose pages a tree has moved about walks through all of them (about 0.4 ms at 64 MB), and
 * the operating system keeps the rest of the file.
 */
const CACHE_KB = 16_384;

/** Result codes after which the store may not go on (COMMIT-4): out of memory, read-only, I/O error, corrupt, full, cannot open, not a database. */
const FATAL = new Set([7, 8, 10, 11, 13, 14, 26]);

/** Makes a database that was just opened ready, and answers what damage its log has. */
function opened(db: DatabaseSync, path: string): WalDamage | null {
  // COMMIT-7: with NORMAL, checkpoints wait for the disk and commits do not.
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;");
  db.exec(`PRAGMA cache_size = -${CACHE_KB}; PRAGMA temp_store = MEMORY;`);
  if (path !== ":memory:") db.exec("PRAGMA locking_mode = EXCLUSIVE;");
  const { user_version: format } = db.prepare("PRAGMA user_version").get() as { user_version: number };
  const why = format === 0 ? null : whyNotReadable(format);
  if (why !== null) throw new Error(`the data in ${path} cannot be used: ${why}, or another --data directory`);
  // This process holds the lock by now, and has not written yet.
  const damage = path === ":memory:" ? null : walDamage(path);
  if (damage) copyFileSync(`${path}-wal`, `${path}-wal.damaged`);
  if (format === 0) db.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${VERSION}; COMMIT;`);
  else migrate(db, format);
  db.exec("PRAGMA wal_autocheckpoint = 0; PRAGMA cache_spill = OFF;"); // COMMIT-8
  return damage;
}

/** Rows that wait to be written to a table, and how to write them: before each statement that names the table. */
export interface LateRows {
  readonly table: RegExp;
  isWaiting(): boolean;
  write(): void;
  /** A call was undone (COMMIT-5), and with it what it has put or written of them. */
  undone(): void;
}

interface Prepared {
  readonly statement: Statement;
  readonly namesLate: boolean;
}

export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new LruCache<Prepared>(MOST_STATEMENTS);
  /** Set before the first statement that names its table. */
  late: LateRows | null = null;
  #open = false;
  /** The end of this iteration of the event loop commits, or puts it off (COMMIT-9). */
  #isEnding = false;
  #unawaited: NodeJS.Timeout | null = null;
  #group = new Group();
  /** Statements of a transaction, on the average of the last ones. */
  #recently = 0;
  /** Committed, and on its way to the disk (COMMIT-7). */
  #syncing: Group | null = null;
  /** A checkpoint has written to the file, and the disk may not have it yet (COMMIT-8). */
  #fileUnsynced = false;
  #checkpointsHeld = false;
  /** Descriptors of the write-ahead log and of the file. */
  #log: number | null = null;
  #file: number | null = null;
  readonly #path: string | null;
  readonly #inThread: Sync;
  #beforeCommit: (() => void)[] = [];
  #failed: StoreFailed | null = null;
  /** Called once when the store fails (COMMIT-4). */
  onFailure: (why: unknown) => void = () => {};
  /** While a transaction is open: its number. */
  commits = 0;
  readonly commitSeconds = new Histogram();
  readonly syncSeconds = new Histogram();
  /** Damage of the file's log that was found when it was opened. The log was copied before anything was written. */
  readonly damage: WalDamage | null;

  /** `path`: a file, created if missing, or `:memory:`. `sync`: default in a thread of Node's pool. */
  constructor(path: string, sync: Sync = fdatasync) {
    this.#inThread = sync;
    this.#db = new DatabaseSync(path);
    this.#path = path === ":memory:" ? null : path;
    try {
      this.damage = opened(this.#db, path);
    } catch (error) {
      this.#db.close(); // another process may then use the file
      throw error;
    }
  }

  /** Why the store has failed (COMMIT-4); null: it has not. */
  get failure(): StoreFailed | null {
    return this.#failed;
  }

  one(sql: string, ...values: Value[]): Row | null {
    return this.#one(this.#statement(sql), values);
  }

  /** As `one`, of rows that were not put off (`late`). */
  oneApart(sql: string, ...values: Value[]): Row | null {
    return this.#one(this.#prepared(sql).statement, values);
  }

  #one(statement: Statement, values: Value[]): Row | null {
    try {
      return (statement.get(...values) as Row | undefined) ?? null;
    } catch (error) {
      return this.#withBigIntegers(error, statement, () => (statement.get(...values) as Row | undefined) ?? null);
    }
  }

  all(sql: string, ...values: Value[]): Row[] {
    const statement = this.#statement(sql);
    try {
      return statement.all(...values) as Row[];
    } catch (error) {
      return this.#withBigIntegers(error, statement, () => statement.all(...values) as Row[]);
    }
  }

  /** The rows of a query, read as far as the caller asks. The caller reads on, or stops, before it lets other code run. */
  *each(sql: string, ...values: Value[]): Generator<Row> {
    const statement = this.#statement(sql);
    const rows = this.#guard(() => statement.iterate(...values));
    try {
      for (;;) {
        const next = this.#guard(() => rows.next());
        if (next.done) return;
        yield next.value as Row;
      }
    } finally {
      rows.return?.();
    }
  }

  /** Writes inside the open transaction (COMMIT-1) and answers the number of rows changed. */
  run(sql: string, ...values: Value[]): number {
    this.#begin();
    this.#group.statements += 1;
    return this.#execute(this.#statement(sql), values);
  }

  /** As `run`, on rows that were not put off (`late`). */
  runApart(sql: string, ...values: Value[]): number {
    this.#begin();
    this.#group.statements += 1;
    return this.#execute(this.#prepared(sql).statement, values);
  }

  /** Writes inside the open transaction one row at most, and answers what the statement returns of it. */
  change(sql: string, ...values: Value[]): Row | null {
    this.#begin();
    return this.one(sql, ...values);
  }

  /** The hottest call of the store: it makes no closure. */
  #execute(statement: Statement, values: Value[]): number {
    try {
      return Number(statement.run(...values).changes);
    } catch (error) {
      throw this.#judge(error);
    }
  }

  /** COMMIT-5. `work` is synchronous: it writes everything or, if it throws, nothing. */
  atomically<T>(work: () => T): T {
    this.#begin();
    this.#savepoint("SAVEPOINT call");
    const waiting = this.#beforeCommit.length;
    try {
      const result = work();
      this.#savepoint("RELEASE call");
      return result;
    } catch (error) {
      if (!this.#failed) {
        this.#beforeCommit.splice(waiting);
        this.#savepoint("ROLLBACK TO call");
        this.#savepoint("RELEASE call");
        this.late?.undone();
      }
      throw error;
    }
  }

  #savepoint(sql: string): void {
    this.#execute(this.#prepared(sql).statement, []);
  }

  /** A number that JavaScript cannot hold exactly makes `node:sqlite` throw: such a row is read again, with its nearest number. */
  #withBigIntegers<T>(error: unknown, statement: Statement, read: () => T): T {
    if ((error as { code?: string }).code !== "ERR_OUT_OF_RANGE") throw this.#judge(error);
    statement.setReadBigInts(true);
    try {
      return nearest(this.#guard(read)) as T;
    } finally {
      statement.setReadBigInts(false);
    }
  }

  /** The prepared statement, once the rows that it may read have been written. */
  #statement(sql: string): Statement {
    const { statement, namesLate } = this.#prepared(sql);
    if (namesLate && this.late?.isWaiting()) this.late.write();
    return statement;
  }

  /** Throws after the store has failed (COMMIT-4). */
  #prepared(sql: string): Prepared {
    if (this.#failed) throw this.#failed;
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#guard(() => prepare(this.#db, sql));
    const prepared = { statement, namesLate: this.late?.table.test(sql) ?? false };
    this.#statements.set(sql, prepared);
    return prepared;
  }

  #guard<T>(work: () => T): T {
    if (this.#failed) throw this.#failed;
    try {
      return work();
    } catch (error) {
      throw this.#judge(error);
    }
  }

  /** COMMIT-4: the error of a statement, or that of the store if it has failed by it. */
  #judge(error: unknown): unknown {
    const { errcode } = error as { errcode?: number };
    // Extended codes carry the plain one in the low byte.
    if (errcode !== undefined && FATAL.has(errcode & 0xff)) return this.#fail(error);
    return this.#open && !this.#db.isTransaction ? this.#fail(error) : error;
  }

  #fail(why: unknown): StoreFailed {
    const failed = new StoreFailed(why);
    this.#failed = failed;
    const groups = [this.#syncing, this.#group];
    this.#syncing = null;
    this.#group = new Group();
    this.#beforeCommit = [];
    this.#open = false;
    for (const group of groups) group?.fail(failed);
    this.onFailure(why);
    return failed;
  }

  #begin(): void {
    if (this.#open) return;
    this.#execute(this.#statement("BEGIN IMMEDIATE"), []);
    this.#open = true;
    this.#endSoon();
  }

  #endSoon(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    setImmediate(() => {
      this.#isEnding = false;
      if (!this.#open) return;
      if (this.#group.isAwaited) this.#commit();
      else this.#unawaited ??= setTimeout(() => this.#commit(), UNAWAITED_MS); // COMMIT-9
    });
  }

  #commit(): void {
    if (this.#syncing || this.#fileUnsynced) return; // COMMIT-7, COMMIT-8: the end of the sync commits
    const group = this.#endTransaction();
    if (!group) return;
    if (this.#isLogLong()) this.#checkpoint(group);
    else if (this.#isSmall(group) || this.#path === null) this.#syncNow(group);
    else this.#sync(group);
  }

  /** Also after larger ones: then further calls are on their way. */
  #isSmall({ callers, statements }: Group): boolean {
    this.#recently = (3 * this.#recently + statements) / 4;
    return callers <= FEW_CALLERS && Math.max(statements, this.#recently) <= FEW_STATEMENTS;
  }

  #isLogLong(): boolean {
    if (this.#checkpointsHeld || this.#path === null) return false;
    try {
      return hasFrame(this.#logDescriptor(), CHECKPOINT_PAGES);
    } catch {
      return false; // the sync will tell what is wrong with the log
    }
  }

  /** COMMIT-8. Callers are told afterwards: they may write, and then there is no checkpoint. */
  #checkpoint(group: Group): void {
    if (!this.#syncLog(group)) return;
    this.#fileUnsynced = true;
    try {
      this.#guard(() => this.#copyLog());
      this.#inThread(this.#fileDescriptor(), (error) => this.#fileSynced(error));
    } catch (error) {
      this.#fileSynced(error);
    }
    group.done();
  }

  #copyLog(): void {
    this.#db.exec("PRAGMA synchronous = OFF");
    this.#db.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
    this.#db.exec("PRAGMA synchronous = NORMAL");
  }

  #fileSynced(error: unknown): void {
    if (!this.#fileUnsynced || this.#failed) return; // closed meanwhile, or failed
    if (error) {
      this.#fail(error);
      return;
    }
    this.#fileUnsynced = false;
    if (this.#open) this.#commit();
  }

  /** Who waits for what it commits; null: there was nothing to commit, or the store has failed. */
  #endTransaction(): Group | null {
    if (!this.#open) return null;
    try {
      this.#writeBeforeCommit();
      const began = performance.now();
      this.#execute(this.#statement("COMMIT"), []);
      this.commitSeconds.observe((performance.now() - began) / 1_000);
    } catch (why) {
      if (!this.#failed) this.#fail(why);
      return null;
    }
    this.#open = false;
    if (this.#unawaited) clearTimeout(this.#unawaited);
    this.#unawaited = null;
    this.commits += 1;
    const group = this.#group;
    this.#group = new Group();
    return group;
  }

  /** COMMIT-7, in a thread. */
  #sync(group: Group): void {
    this.#syncing = group;
    const began = performance.now();
    const synced = (error: unknown) => {
      this.syncSeconds.observe((performance.now() - began) / 1_000);
      if (this.#syncing !== group) return; // closed meanwhile, or failed
      if (error) {
        this.#fail(error);
        return;
      }
      this.#syncing = null;
      group.done();
      if (this.#open) setImmediate(() => this.#commit());
    };
    try {
      this.#inThread(this.#logDescriptor(), synced);
    } catch (error) {
      synced(error); // the log could not be opened
    }
  }

  /** COMMIT-7, in the event loop. */
  #syncNow(group: Group): void {
    if (this.#path === null || this.#syncLog(group)) group.done();
  }

  /** False: the store has failed. */
  #syncLog(group: Group): boolean {
    const began = performance.now();
    try {
      fdatasyncSync(this.#logDescriptor());
    } catch (error) {
      group.fail(this.#fail(error));
      return false;
    }
    this.syncSeconds.observe((performance.now() - began) / 1_000);
    return true;
  }

  /** SQLite makes the log with the first commit, and keeps the file until it closes the database. */
  #logDescriptor(): number {
    this.#log ??= openSync(`${this.#path}-wal`, "r");
    return this.#log;
  }

  /** It stays open until SQLite has closed the file: a descriptor that is closed takes this process's locks with it (BACKUP-4). */
  #fileDescriptor(): number {
    this.#file ??= openSync(this.#path!, "r");
    return this.#file;
  }

  /** Resolves once all writes so far are on the disk (COMMIT-2). */
  durable(): Promise<void> {
    if (this.#failed) return Promise.reject(this.#failed);
    if (this.#open) this.#endSoon();
    const group = this.#open ? this.#group : this.#syncing;
    return group?.wait() ?? Promise.resolve();
  }

  /** COMMIT-6. `fn` writes, or calls `beforeCommit` with what is to follow all that waits by then. */
  beforeCommit(fn: () => void): void {
    this.#begin();
    this.#beforeCommit.push(fn);
  }

  /** COMMIT-6, and the rows that wait with what follows from them. Not within `atomically`. */
  writeWaiting(): void {
    if (this.late?.isWaiting()) this.late.write();
    this.#writeBeforeCommit();
  }

  #writeBeforeCommit(): void {
    if (this.#beforeCommit.length === 0) return;
    for (const fn of this.#beforeCommit) fn(); // one may add another
    this.#beforeCommit = [];
  }

  /** Runs `fn` once all writes so far are on the disk (COMMIT-3), or at once if they are. */
  afterCommit(fn: () => void, o: { readonly first: boolean } = { first: false }): void {
    if (this.#open) this.#endSoon();
    const group = this.#open ? this.#group : this.#syncing;
    if (group) group.after(fn, o.first);
    else fn();
  }

  /** While checkpoints are held, commits go to the log and the file stays as it is. */
  holdCheckpoints(hold: boolean): void {
    this.#checkpointsHeld = hold;
  }

  /** Commits the open transaction, waits for the disk and closes the file. */
  close(): void {
    const syncing = this.#syncing;
    this.#syncing = null;
    if (syncing) this.#syncNow(syncing);
    if (this.#fileUnsynced) {
      // COMMIT-8: SQLite would delete the log, and the disk may not have all of it in the file.
      if (this.#failed) {
        this.#keepLog();
        return;
      }
      try {
        fdatasyncSync(this.#fileDescriptor());
      } catch (error) {
        this.#keepLog();
        throw this.#fail(error);
      }
      this.#fileUnsynced = false;
    }
    const last = this.#endTransaction();
    if (last) this.#syncNow(last);
    this.#db.close();
    for (const descriptor of [this.#log, this.#file]) if (descriptor !== null) closeSync(descriptor);
  }

  /**
   * Node closes a database that nothing refers to, or that is open when the process ends by itself, but not after `process.exit`. In
   * another thread than the main one it closes the database in any case, unless the process is killed.
   */
  #keepLog(): void {
    const end = (_open: DatabaseSync, code: number) => {
      if (isMainThread) process.exit(code);
      process.kill(process.pid, "SIGKILL");
    };
    process.prependOnceListener("exit", end.bind(null, this.#db));
  }
}

/** The callers that wait for the writes of one transaction. */
class Group {
  statements = 0;
  readonly #pending: { resolve: () => void; reject: (why: unknown) => void }[] = [];
  readonly #after: (() => void)[] = [];
  /** Run before the callers are told (COMMIT-3). */
  readonly #first: (() => void)[] = [];

  get callers(): number {
    return this.#pending.length;
  }

  get isAwaited(): boolean {
    return this.#pending.length > 0 || this.#after.length > 0 || this.#first.length > 0;
  }

  wait(): Promise<void> {
    return new Promise((resolve, reject) => this.#pending.push({ resolve, reject }));
  }

  after(fn: () => void, first: boolean): void {
    (first ? this.#first : this.#after).push(fn);
  }

  done(): void {
    for (const fn of this.#first) fn();
    // A tick begun by a microtask comes after all microtasks, and so after the answers of those that were woken.
    if (this.#first.length > 0 && this.callers <= FEW_CALLERS)
      queueMicrotask(() => process.nextTick(() => this.#tell()));
    else this.#tell();
  }

  #tell(): void {
    for (const { resolve } of this.#pending) resolve();
    for (const fn of this.#after) fn();
  }

  fail(why: unknown): void {
    for (const { reject } of this.#pending) reject(why);
  }
}

/** Rows, or a row, with numbers in the place of big integers. */
function nearest(read: unknown): unknown {
  if (Array.isArray(read)) return read.map(nearest);
  if (read === null) return null;
  return Object.fromEntries(
    Object.entries(read as object).map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]),
  );
}

export const json = (value: unknown): string => JSON.stringify(value ?? null);
export const parse = <T>(text: Value | undefined): T => JSON.parse(text as string) as T;
