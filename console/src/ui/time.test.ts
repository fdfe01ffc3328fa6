import { expect, test } from "vitest";
import { ago, span } from "./time.tsx";
import { momentAt } from "./wall-clock.ts";

test.each([
  [-90_000, "in 1 min 30 s"],
  [-1_500, "in 1.5 s"],
  [-700, "in 1.0 s"],
  [-400, "just now"],
  [0, "just now"],
  [17, "just now"],
  [1_999, "just now"],
  [2_000, "2.0 s ago"],
  [3_600_000, "1 h ago"],
])("%d ms ago is told as '%s'", (ms, text) => {
  expect(ago(ms)).toBe(text);
});

test("a length keeps its milliseconds, because a step may be as short", () => {
  expect(span(17)).toBe("17 ms");
});

test.each([
  ["Europe/Berlin", "2026-07-01T12:00:00Z", "2026-07-01T10:00:00Z"],
  ["Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"], // twice on the clock: the first time
  ["Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z"], // never on the clock: after the jump
  ["America/Havana", "2026-11-01T00:00:00Z", "2026-11-01T04:00:00Z"], // a day that begins twice
  ["America/Santiago", "2026-09-06T00:00:00Z", "2026-09-06T04:00:00Z"], // a day without a midnight
  ["Asia/Kolkata", "2026-01-01T00:00:00Z", "2025-12-31T18:30:00Z"],
  ["UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"],
])("in %s a clock that shows %s is at %s", (zone, wall, wanted) => {
  expect(new Date(momentAt(Date.parse(wall), zone)).toISOString()).toBe(new Date(wanted).toISOString());
});
