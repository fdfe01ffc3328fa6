import fc from "fast-check";
import { expect, test } from "vitest";
import {
  civilFromDays,
  compactInstant,
  daysFromCivil,
  daysInMonth,
  formatInstant,
  parseInstant,
  weekdayOf,
} from "./civil.ts";

test("every day of four centuries is that of Date", () => {
  for (let day = daysFromCivil(1800, 1, 1); day <= daysFromCivil(2200, 12, 31); day++) {
    const date = new Date(day * 86_400_000);
    const civil = civilFromDays(day);
    expect(civil.year === date.getUTCFullYear() && civil.month === date.getUTCMonth() + 1).toBe(true);
    expect(civil.day === date.getUTCDate() && weekdayOf(day) === date.getUTCDay()).toBe(true);
    if (daysFromCivil(civil.year, civil.month, civil.day) !== day)
      throw new Error(`day ${day} is not converted back to itself`);
  }
});

test("February has 29 days in 2000 and 2024, 28 in 1900, 2023 and 2100", () => {
  expect([2000, 2024, 1900, 2023, 2100].map((year) => daysInMonth(year, 2))).toEqual([29, 29, 28, 28, 28]);
});

test("instants are written as Date writes them, without zero milliseconds, and read back", () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e13, max: 4.2e12 }), (ms) => {
      const text = formatInstant(ms);
      expect(text).toBe(new Date(ms).toISOString().replace(".000Z", "Z"));
      expect(parseInstant(text)).toBe(ms);
    }),
  );
});

test("compact instants hold only what execution ids allow", () => {
  expect(compactInstant(Date.UTC(2026, 0, 1, 9, 30, 0, 7))).toBe("20260101T093000Z");
});

test.each([
  ["2026-03-27T09:30:00Z", "2026-03-27T09:30:00.000Z"],
  ["2026-03-27T09:30:00.123456Z", "2026-03-27T09:30:00.123Z"],
  ["2026-03-27T09:30:00+02:00", "2026-03-27T07:30:00.000Z"],
  ["2026-03-27T09:30:00-0530", "2026-03-27T15:00:00.000Z"],
  ["2026-03-27 09:30:00", "2026-03-27T09:30:00.000Z"],
  ["2026-03-27T09:30", "2026-03-27T09:30:00.000Z"],
  ["2026-03-27", "2026-03-27T00:00:00.000Z"],
])("%s is read as %s", (text, expected) => {
  expect(parseInstant(text)).toBe(Date.parse(expected));
});

test.each([
  "",
  "tomorrow",
  "2026-02-29T00:00:00Z",
  "2026-13-01",
  "2026-01-01T24:00:00Z",
  "2026-01-01T00:60:00Z",
  "26-01-01",
])("%j is no instant", (text) => {
  expect(parseInstant(text)).toBeUndefined();
});
