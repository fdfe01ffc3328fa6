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
        highest("SELECT MAX(seq + n - 1) FROM log"),
        highest("SELECT MAX(seq) FROM progress"),
      );
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
