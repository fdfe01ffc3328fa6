import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { prepare } from "./prepare.ts";

test.each([true, false])("numbered parameters take the values in order (by number in Node itself: %s)", (inOrder) => {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE kept (a INTEGER, b TEXT, c INTEGER)");
  const insert = prepare(db, "INSERT INTO kept VALUES (?2, ?1, ?2)", inOrder);
  expect(insert.run("one", 2).changes).toBe(1);
  const read = prepare(db, "SELECT a, b, c FROM kept WHERE c = ?1 AND (?1 IS NOT NULL) AND b = ?2", inOrder);
  const row = { a: 2, b: "one", c: 2 };
  expect({ ...read.get(2, "one") }).toEqual(row);
  expect(read.all(2, "one")).toEqual([row].map((each) => Object.assign(Object.create(null), each)));
  expect({ ...read.iterate(2, "one").next().value }).toEqual(row);
  expect(read.get(2, "two")).toBeUndefined();
  read.setReadBigInts(true);
  expect(read.get(2, "one")?.a).toBe(2n);
  const plain = prepare(db, "SELECT a FROM kept WHERE c = ? AND b = ?", inOrder);
  expect({ ...plain.get(2, "one") }).toEqual({ a: 2 });
  expect(() => prepare(db, "SELECT a FROM kept WHERE c = ? AND b = ?2", inOrder)).toThrow(
    "some parameters have no number",
  );
  db.close();
});
