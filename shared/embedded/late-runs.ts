/**
 * Rows of `runs` that are written late. `runs` is what lists, streams and retention read: a row has nine places in it and its indexes,
 * which a run without steps would change twice within milliseconds, in two commits.
 *
 * LATERUN-1. A start puts its row into `late_runs`, which has no index, and the close changes it there. One statement moves those of
 *     closed runs into `runs` in the commit that brings their number to `MOST_CLOSED`, and all of them when there are `MOST_OPEN` of open runs,
 *     and before each statement that names `runs` (`Database.late`). So nobody reads `runs` without them, and a store at rest
 *     may leave some where they are.
 * LATERUN-2. A row is put in the transaction of its start, changed in that of its close, and moved in one transaction. So after a crash
 *     each run has one row, in one of the two tables, and it says what head and log say.
 * LATERUN-3. What a run adds to the rollups is added when its row is moved, in the same transaction, so it is added once (ROLLUP-2). It waits in
 *     memory. After a crash, or when a call was undone (COMMIT-5), it is computed again from the row and the log.
 * LATERUN-4. A long row goes to `runs` at once, because moving it would write it twice.
 */
import { closedRun, type Increment, startedRun } from "../core/rollups.ts";
import { readableNow } from "../lib/readable.ts";
import { storedBatch } from "../lib/stored.ts";
import type { Head } from "../protocol/head.ts";
import type { Database, Row, Value } from "./database.ts";
import { headOfRun, RUN_COLUMNS } from "./head-rows.ts";
import type { EmbeddedRollups } from "./rollups.ts";

/** So many rows take a millisecond or two to move. */
const MOST_CLOSED = 64;
/** A row that is moved before its run closes is changed in both places. */
const MOST_OPEN = 192;
/** Characters of `body`. Most rows have a few hundred. */
const LONG_BODY = 4_096;

const COLUMNS = `run, ws, execution, root, workflow, deployment, user, status, started_at, closed_at, ends_at,
  parent, chain, root_chain, display_name, first_run, continued_from, schedule, attempt, first_seq, search_keys, body`;
const PARAMETERS = COLUMNS.replaceAll(/\w+/g, "?");
const CLOSED = "status = ?, closed_at = ?, ends_at = ?, last_seq = ?, body = ?";

const PUT = `INSERT INTO late_runs (id, ${COLUMNS}) VALUES (?, ${PARAMETERS})`;
const PUT_LONG = `INSERT INTO runs (${COLUMNS}) VALUES (${PARAMETERS})`;
const CLOSE = `UPDATE late_runs SET ${CLOSED} WHERE id = ?`;
const CLOSE_MOVED = `UPDATE runs SET ${CLOSED} WHERE run = ?`;
/** A run that `runs` has already is one of a damaged store, which has lost its log: it could not begin again otherwise. */
const MOVE = `INSERT OR REPLACE INTO runs (${COLUMNS}, last_seq) SELECT ${COLUMNS}, last_seq FROM late_runs`;
const DELETE = "DELETE FROM late_runs";
const OF_CLOSED = " WHERE last_seq IS NOT NULL";

interface Waiting {
  readonly id: number;
  readonly workspace: string;
  readonly increments: Increment[];
  isClosed: boolean;
}

export class LateRuns {
  readonly #db: Database;
  readonly #rollups: EmbeddedRollups;
  /** By run. */
  readonly #waiting = new Map<string, Waiting>();
  #closed = 0;
  #lastId = 0;

  constructor(db: Database, rollups: EmbeddedRollups) {
    this.#db = db;
    this.#rollups = rollups;
    this.#read();
    db.late = {
      table: /\bruns\b/,
      isWaiting: () => this.#waiting.size > 0,
      write: () => this.#moveAll(),
      undone: () => this.#read(),
    };
  }

  /** LATERUN-3. */
  #read(): void {
    this.#waiting.clear();
    this.#closed = 0;
    this.#lastId = 0;
    for (const row of this.#db.all(`SELECT id, last_seq, ${RUN_COLUMNS} FROM late_runs ORDER BY id`)) {
      const id = Number(row.id);
      const isClosed = row.last_seq !== null;
      const increments = this.#incrementsOf(row);
      this.#waiting.set(String(row.run), { id, workspace: String(row.ws), increments, isClosed });
      if (isClosed) this.#closed += 1;
      this.#lastId = id;
    }
  }

  #incrementsOf(row: Row): Increment[] {
    const head = readableNow(() => headOfRun(row));
    if (!head) return []; // damaged
    const started = startedRun(head);
    if (row.last_seq === null) return [started];
    const last = this.#db.one("SELECT body, retries FROM log WHERE run = ? ORDER BY first DESC LIMIT 1", head.run);
    const closed = readableNow(() => closedRun(head, storedBatch(String(last?.body)), Number(last?.retries)));
    return [started, ...(closed ?? [])];
  }

  /** `values`: of `COLUMNS`, the last of which is `body`. */
  put(head: Head, values: readonly Value[]): void {
    const { run, workspace } = head;
    if (String(values.at(-1)).length > LONG_BODY) {
      this.#db.runApart(PUT_LONG, ...values);
      this.#rollups.add(workspace, [startedRun(head)]);
      return;
    }
    const id = this.#lastId + 1;
    this.#db.run(PUT, id, ...values);
    this.#lastId = id;
    this.#waiting.set(run, { id, workspace, increments: [startedRun(head)], isClosed: false });
    if (this.#waiting.size - this.#closed >= MOST_OPEN) this.#db.beforeCommit(() => this.#moveAll());
  }

  /** Reads `columns` of the row of a run, wherever it is: steps that start activities or children ask for it. */
  find(columns: string, run: string): Row | null {
    const id = this.#waiting.get(run)?.id;
    if (id === undefined) return this.#db.oneApart(`SELECT ${columns} FROM runs WHERE run = ?`, run);
    return this.#db.one(`SELECT ${columns} FROM late_runs WHERE id = ?`, id);
  }

  /** `values`: of `CLOSED`. `increments`: what the close adds to the rollups. */
  close({ run, workspace }: Head, values: readonly Value[], increments: readonly Increment[]): void {
    const waiting = this.#waiting.get(run);
    if (waiting) {
      this.#db.run(CLOSE, ...values, waiting.id);
      waiting.increments.push(...increments);
      waiting.isClosed = true;
      this.#closed += 1;
      if (this.#closed >= MOST_CLOSED) this.#db.beforeCommit(() => this.#moveClosed());
    } else {
      this.#db.runApart(CLOSE_MOVED, ...values, run);
      this.#rollups.add(workspace, increments);
    }
  }

  #moveClosed(): void {
    if (this.#closed === 0) return;
    this.#db.runApart(MOVE + OF_CLOSED);
    this.#db.run(DELETE + OF_CLOSED);
    for (const [run, { isClosed }] of this.#waiting) if (isClosed) this.#moved(run);
  }

  #moveAll(): void {
    if (this.#waiting.size === 0) return;
    this.#db.runApart(MOVE);
    this.#db.run(DELETE);
    for (const run of this.#waiting.keys()) this.#moved(run);
    this.#lastId = 0;
  }

  #moved(run: string): void {
    const { workspace, increments, isClosed } = this.#waiting.get(run)!;
    this.#rollups.add(workspace, increments);
    this.#waiting.delete(run);
    if (isClosed) this.#closed -= 1;
  }
}
