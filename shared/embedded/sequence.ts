/** `broker_sequence`: rises strictly, and no number is used twice, even after the rows that had it were deleted. */
import type { Database } from "./database.ts";

export class Sequence {
  #next: number;
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
    const highest = (sql: string) => Number(Object.values(db.one(sql) ?? {})[0] ?? 0);
    this.#next =
      1 +
      Math.max(
        highest("SELECT value FROM meta WHERE name = 'sequence'"),
        lastInLog(db),
        highest("SELECT MAX(seq) FROM progress"),
      );
  }

  /** The number that `take` answers next. */
  get next(): number {
    return this.#next;
  }

  /** The first of `n` numbers in a row. */
  take(n: number): number {
    const first = this.#next;
    this.#next += n;
    return first;
  }

  last(): number {
    return this.#next - 1;
  }

  /** Stores the last number. The caller does this in the transaction that deletes numbered rows. */
  store(): void {
    this.#db.run("INSERT OR REPLACE INTO meta (name, value) VALUES ('sequence', ?)", this.last());
  }
}

/** By the index on (ws, seq), workspace by workspace: the log itself may be long. */
function lastInLog(db: Database): number {
  let last = 0;
  let ws = "";
  for (;;) {
    const next = db.one("SELECT ws FROM log WHERE ws > ? ORDER BY ws LIMIT 1", ws);
    if (!next) return last;
    ws = String(next.ws);
    const row = db.one("SELECT seq + n - 1 AS last FROM log WHERE ws = ? ORDER BY seq DESC LIMIT 1", ws);
    last = Math.max(last, Number(row?.last));
  }
}
