import { expect, test } from "vitest";
import { Readable, shownObject, shownTime } from "./readable.ts";

test("a row that cannot be read is left out, and told once however often it is met", () => {
  const told: [string, unknown][] = [];
  const readable = new Readable((row, error) => told.push([row, (error as Error).message]));
  const rows = ['{"a":1}', "{", "5", '{"a":2}'];
  const read = () =>
    readable.of(
      rows,
      (row) => `row ${row}`,
      (row) => shownObject(JSON.parse(row)),
    );
  expect(read()).toEqual([{ a: 1 }, { a: 2 }]);
  expect(read()).toHaveLength(2);
  expect(told.map(([row]) => row)).toEqual(["row {", "row 5"]);
  expect(told[1]![1]).toBe("5 is stored in place of an object");
});

test("a time is shown only if it has a form in ISO 8601", () => {
  for (const time of [0, 1_800_000_000_000, 8_640_000_000_000_000]) expect(shownTime(time)).toBe(time);
  for (const none of [-1, 0.5, 8_640_000_000_000_001, Number.NaN, "x", null, undefined])
    expect(() => shownTime(none)).toThrow("is stored as a time");
});
