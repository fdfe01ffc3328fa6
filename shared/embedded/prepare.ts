/**
 * Prepared statements that take their values in order, also where parameters are numbered (`?1`) and used several times.
 * `node:sqlite` of the 22 line passes over numbered parameters when it is given values in order: there they are given by name.
 */
import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";

export type Value = string | number | null;

/** What the adapter needs of `StatementSync`. */
export interface Statement {
  get(...values: Value[]): Record<string, SQLOutputValue> | undefined;
  all(...values: Value[]): Record<string, SQLOutputValue>[];
  iterate(...values: Value[]): Iterator<Record<string, SQLOutputValue>>;
  run(...values: Value[]): { readonly changes: number | bigint };
  setReadBigInts(enabled: boolean): void;
}

/** Decided once, by a try. */
const takesNumbered = ((): boolean => {
  const db = new DatabaseSync(":memory:");
  try {
    return db.prepare("SELECT ?2 AS second").get(1, 2)?.second === 2;
  } catch {
    return false;
  } finally {
    db.close();
  }
})();

/** @throws {TypeError} if the parameters are not all numbered, or all not: by name, the others would get no value. */
export function prepare(db: DatabaseSync, sql: string, inOrder = takesNumbered): Statement {
  const statement = db.prepare(sql);
  const parameters = [...sql.matchAll(/\?(\d*)/g)].map(([, number]) => number);
  const numbers = parameters.filter((number) => number !== "").map(Number);
  if (numbers.length === 0) return statement;
  if (numbers.length < parameters.length) throw new TypeError(`some parameters have no number: ${sql}`);
  return inOrder ? statement : new ByName(statement, [...new Set(numbers)]);
}

class ByName implements Statement {
  readonly #statement: StatementSync;
  readonly #numbers: readonly number[];

  constructor(statement: StatementSync, numbers: readonly number[]) {
    this.#statement = statement;
    this.#numbers = numbers;
  }

  #named(values: readonly Value[]): Record<string, Value> {
    return Object.fromEntries(this.#numbers.map((number) => [`?${number}`, values[number - 1] ?? null]));
  }

  get(...values: Value[]) {
    return this.#statement.get(this.#named(values));
  }

  all(...values: Value[]) {
    return this.#statement.all(this.#named(values));
  }

  iterate(...values: Value[]) {
    return this.#statement.iterate(this.#named(values));
  }

  run(...values: Value[]) {
    return this.#statement.run(this.#named(values));
  }

  setReadBigInts(enabled: boolean) {
    this.#statement.setReadBigInts(enabled);
  }
}
