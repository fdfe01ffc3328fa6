/** `broker_sequence`: rises strictly and is never used again, not even after what it numbered has expired. */
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

  /** Must be called in the same transaction as any deletion of numbered rows. */
  remember(): void {
    this.#db.run("INSERT OR REPLACE INTO meta (name, value) VALUES ('sequence', ?)", this.last());
  }
}
