import { expect, test } from "vitest";
import { daysFrom, mondayOf, shift } from "./days.ts";
import { changed, definitionOf, draftOfJson, EMPTY, readRanges, writeRanges } from "./definition.ts";

test.each([
  ["5", [{ start: 5, end: 5, step: 1 }], "5"],
  [
    "1-5,7",
    [
      { start: 1, end: 5, step: 1 },
      { start: 7, end: 7, step: 1 },
    ],
    "1-5,7",
  ],
  ["0-50/10", [{ start: 0, end: 50, step: 10 }], "0-50/10"],
  ["", [], ""],
])("the ranges '%s' are read and written", (text, ranges, again) => {
  expect(readRanges(text)).toEqual(ranges);
  expect(writeRanges(ranges)).toBe(again);
});

test("a text that is no range is a problem with the name of its field", () => {
  const { problems } = definitionOf({ ...EMPTY, calendars: [{ hour: "nine" }] });
  expect(problems).toEqual(["hour: 'nine' is no range: write 5, 1-5 or 0-50/10, separated by commas"]);
});

test("an update holds only what differs", () => {
  const before = definitionOf(EMPTY).definition;
  const after = definitionOf({ ...EMPTY, cron: ["0 10 * * *"] }).definition;
  expect(changed(before, after)).toEqual({ cron_expressions: ["0 10 * * *"] });
});

test("an update empties a field that is gone", () => {
  expect(changed({ skip: [1], jitter: "PT5M", zone: null }, {})).toEqual({ skip: [], jitter: null });
});

test.each([
  [[], "A rule is a JSON object."],
  [{ calendars: 1 }, "A field has another form than the API takes."],
  [{ cron_expressions: ["@daily"], note: "later" }, "The fields cannot show 'note'."],
  [{ calendars: [{ hour: [{ start: 1, of: 2 }], fortnight: [1] }] }, "The fields cannot show 'calendars'."],
])("of the rule %j the fields say what they cannot show", (rule, why) => {
  expect(draftOfJson(rule)).toEqual({ why });
});

test.each([
  ["Europe/Berlin", "2026-03-28", [24, 23, 24]],
  ["Europe/Berlin", "2026-10-24", [24, 25, 24]],
  ["UTC", "2026-03-28", [24, 24, 24]],
  // Midnight does not exist on 6 September 2026: the clocks jump from 0:00 to 1:00.
  ["America/Santiago", "2026-09-05", [24, 23, 24]],
])("the days of %s from %s have %j hours", (zone, from, hours) => {
  const days = daysFrom(from, 3, zone);
  expect(days.map((day) => day.hours)).toEqual(hours);
  expect(days[1]?.start).toBe(days[0]?.end);
  expect(days[0]?.date).toBe(from);
});

test("a week begins on Monday, and a month has no 31st that its successor lacks", () => {
  expect(mondayOf("2026-11-29")).toBe("2026-11-23");
  expect(shift("2026-01-31", { months: 1 })).toBe("2026-02-01");
});
