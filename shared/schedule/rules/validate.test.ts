import { describe, expect, test } from "vitest";
import type { ScheduleDefinition } from "./definition.ts";
import { mergeDefinition, validateSpec } from "./validate.ts";

function issues(definition: unknown) {
  const validated = validateSpec(definition);
  return "issues" in validated ? validated.issues : [];
}

function definition(input: unknown): ScheduleDefinition {
  const validated = validateSpec(input);
  if ("issues" in validated) throw new Error(JSON.stringify(validated.issues));
  return validated.definition;
}

test.each<[definition: object, loc: (string | number)[], says: string[]]>([
  [
    { calendars: [{}, { hour: [{ start: 9 }, { start: 25 }] }] },
    ["calendars", 1, "hour", 1, "start"],
    ["calendars[1].hour[1].start is 25", "0 to 23"],
  ],
  [{ calendars: [{ second: [{ start: -1 }] }] }, ["calendars", 0, "second", 0, "start"], ["is -1", "0 to 59"]],
  [
    { calendars: [{ minute: [{ start: 0, end: 60 }] }] },
    ["calendars", 0, "minute", 0, "end"],
    ["is 60", "0 (the start) to 59"],
  ],
  [{ calendars: [{ day_of_month: [{ start: 0 }] }] }, ["calendars", 0, "day_of_month", 0, "start"], ["1 to 31"]],
  [{ calendars: [{ month: [{ start: 13 }] }] }, ["calendars", 0, "month", 0, "start"], ["1 to 12"]],
  [{ calendars: [{ year: [{ start: 1999 }] }] }, ["calendars", 0, "year", 0, "start"], ["2000 to 2100"]],
  [
    { calendars: [{ day_of_week: [{ start: 7 }] }] },
    ["calendars", 0, "day_of_week", 0, "start"],
    ["is 7", "Sunday is 0"],
  ],
  [
    { calendars: [{ hour: [{ start: 9, end: 5 }] }] },
    ["calendars", 0, "hour", 0, "end"],
    ["is 5", "9 (the start) to 23", "do not wrap"],
  ],
  [{ calendars: [{ hour: [{ start: 9, end: 17, step: -1 }] }] }, ["calendars", 0, "hour", 0, "step"], ["is -1"]],
  [{ calendars: [{ hour: [{ start: 9.5 }] }] }, ["calendars", 0, "hour", 0, "start"], ["is 9.5", "whole number"]],
  [{ calendars: [{ hour: [{ start: "9" }] }] }, ["calendars", 0, "hour", 0, "start"], ['is "9"', "whole number"]],
  [{ calendars: [{ hour: [{}] }] }, ["calendars", 0, "hour", 0, "start"], ["is missing"]],
  [{ calendars: [{ hour: 9 }] }, ["calendars", 0, "hour"], ["is 9", "a list"]],
  [{ calendars: {} }, ["calendars"], ["a list"]],
  [{ calendars: [{ comment: "ü".repeat(101) }] }, ["calendars", 0, "comment"], ["200 bytes"]],
  [{ skip: [{ hour: [{ start: 24 }] }] }, ["skip", 0, "hour", 0, "start"], ["0 to 23"]],
  [
    { calendars: [{ month: [{ start: 2 }], day_of_month: [{ start: 30 }] }] },
    ["calendars", 0],
    ["never match", "month 2 has no day_of_month 30"],
  ],
  [
    { skip: [{ month: [{ start: 4 }], day_of_month: [{ start: 31 }] }] },
    ["skip", 0],
    ["month 4 has no day_of_month 31"],
  ],
  [
    { calendars: [{ month: [{ start: 2 }], day_of_month: [{ start: 29 }], year: [{ start: 2026 }] }] },
    ["calendars", 0],
    ["never falls on year 2026", "change year"],
  ],
  [{ cron_expressions: ["0 0 30 2 *"] }, ["cron_expressions", 0], ["never match", "month 2 has no day_of_month 30"]],
  [{ cron_expressions: ["0 0 1 1 mon 2027"] }, ["cron_expressions", 0], ["never match", "change day_of_week or year"]],
  [{ cron_expressions: ["0 9 * * *", "0 9 * * 1#2"] }, ["cron_expressions", 1], ["1#2", "n-th weekday"]],
  [{ cron_expressions: ["CRON_TZ=Europe/Paris 0 9 * * *", "0 9 * * *"] }, ["cron_expressions", 1], ["one zone"]],
  [
    { cron_expressions: ["CRON_TZ=Europe/Paris 0 9 * * *", "@every 1h"] },
    ["cron_expressions", 1],
    ["one zone", "@every"],
  ],
  [{ cron_expressions: ["CRON_TZ=Europe/Pairs 0 9 * * *"] }, ["cron_expressions", 0], ["Europe/Pairs", "IANA"]],
  [
    { cron_expressions: ["CRON_TZ=Europe/Paris 0 9 * * *"], time_zone_name: "UTC" },
    ["time_zone_name"],
    ["Europe/Paris", "the same zone"],
  ],
  [{ cron_expressions: "0 9 * * *" }, ["cron_expressions"], ["a list"]],
  [{ time_zone_name: "Local" }, ["time_zone_name"], ['is "Local"', "IANA"]],
  [{ time_zone_name: "europe/paris" }, ["time_zone_name"], ["did you mean Europe/Paris?"]],
  [{ intervals: [{ every: "PT0.5S" }] }, ["intervals", 0, "every"], ["1 second"]],
  [{ intervals: [{ every: "P1M" }] }, ["intervals", 0, "every"], ['is "P1M"', "no fixed length"]],
  [
    { intervals: [{ every: "PT1H", offset: "PT1H" }] },
    ["intervals", 0, "offset"],
    ["less than the interval of 3600 seconds"],
  ],
  [{ intervals: [{ every: "PT1H", offset: "-PT1M" }] }, ["intervals", 0, "offset"], ["0 and more"]],
  [{ intervals: [{ every: "-PT1H" }] }, ["intervals", 0, "every"], ["1 second and more"]],
  [{ intervals: [{}] }, ["intervals", 0, "every"], ["missing", "a string"]],
  [{ start_at: "tomorrow" }, ["start_at"], ["RFC 3339"]],
  [{ end_at: "2026-02-29T00:00:00Z" }, ["end_at"], ["RFC 3339"]],
  [{ jitter: "5 minutes" }, ["jitter"], ["ISO 8601"]],
  [
    { policy: { overlap: 7 } },
    ["policy", "overlap"],
    ["is 7", "1 SKIP, 2 BUFFER_ONE, 3 BUFFER_ALL, 4 CANCEL_OTHER, 5 TERMINATE_OTHER, 6 ALLOW_ALL"],
  ],
  [{ policy: { catchup_window_seconds: -1 } }, ["policy", "catchup_window_seconds"], ["is -1", "0 and more"]],
  [{ policy: { pause_on_failure: "yes" } }, ["policy", "pause_on_failure"], ["true or false"]],
  [{ max_executions: 0 }, ["max_executions"], ["is 0", "1 and more, or null"]],
])("%j is refused with field, value and what is allowed", (input, loc, says) => {
  const found = issues(input);
  expect(found).toHaveLength(1);
  expect(found[0]!.loc).toEqual(loc);
  for (const part of says) expect(found[0]!.msg).toContain(part);
});

test("the expression with another zone is named by its own place, even if others are invalid", () => {
  const found = issues({ cron_expressions: ["x", "TZ=UTC @daily", "@daily"] });
  expect(found.map(({ loc }) => loc[1])).toEqual([0, 2]);
  expect(found[1]!.msg).toContain("cron_expressions[1] names UTC and cron_expressions[2] names none");
});

test("all issues are reported at once", () => {
  const found = issues({
    calendars: [{ hour: [{ start: 30 }] }],
    intervals: [{ every: "x" }],
    jitter: "y",
    max_executions: -1,
  });
  expect(found.map(({ loc }) => loc[0])).toEqual(["calendars", "intervals", "jitter", "max_executions"]);
});

test("a value that is not an object is refused", () => {
  for (const nothing of [null, undefined, 5, "x", []]) {
    expect(issues(nothing)).toMatchObject([{ loc: [], msg: expect.stringContaining("an object") }]);
  }
});

test("an empty definition is valid and gets every default", () => {
  expect(definition({})).toEqual({
    input: null,
    calendars: [],
    intervals: [],
    cron_expressions: [],
    skip: [],
    start_at: null,
    end_at: null,
    jitter: null,
    time_zone_name: null,
    policy: { overlap: 1, catchup_window_seconds: 31_536_000, pause_on_failure: false },
    max_executions: null,
  });
});

test.each([
  ["an explicit empty list", { calendars: [{ hour: [] }] }],
  ["an end before the start", { start_at: "2026-02-01T00:00:00Z", end_at: "2026-01-01T00:00:00Z" }],
  [
    "agreeing zones",
    { cron_expressions: ["TZ=Asia/Tokyo @daily", "CRON_TZ=Asia/Tokyo 0 9 * * *"], time_zone_name: "Asia/Tokyo" },
  ],
  ["keys that only newer clients know", { schedule_id: "x", shiny: true, policy: { shiny: 1 } }],
  ["nulls where a client clears", { calendars: null, intervals: null, policy: null, start_at: null, jitter: null }],
  ["negative jitter, which is none", { jitter: "-PT5M" }],
  ["a leap day", { cron_expressions: ["0 0 29 2 *"] }],
])("%s is valid", (_, input) => {
  expect(issues(input)).toEqual([]);
});

test.each([0, 1, 9, 10, 11])("a catch-up window of %i seconds is at least 10", (seconds) => {
  expect(definition({ policy: { catchup_window_seconds: seconds } }).policy.catchup_window_seconds).toBe(
    Math.max(10, seconds),
  );
});

test("a valid definition stays the same when it is validated again", () => {
  const once = definition({
    input: { a: [1] },
    calendars: [{ hour: [{ start: 9 }], comment: "morning" }],
    cron_expressions: ["@daily"],
    start_at: "2026-01-01T00:00:00+02:00",
    policy: { overlap: 4, catchup_window_seconds: 3 },
    max_executions: 4,
  });
  expect(definition(once)).toEqual(once);
  expect(once.start_at).toBe("2025-12-31T22:00:00Z");
});

describe("a partial definition", () => {
  const stored = definition({
    input: { a: 1 },
    calendars: [{ hour: [{ start: 9 }] }],
    jitter: "PT5M",
    time_zone_name: "Europe/Paris",
    policy: { overlap: 3, pause_on_failure: true },
    max_executions: 5,
  });

  test("changes only the keys it has", () => {
    expect(definition(mergeDefinition(stored, { intervals: [{ every: "PT1H" }] }))).toEqual({
      ...stored,
      intervals: [{ every: "PT1H", offset: null }],
    });
    expect(definition(mergeDefinition(stored, {}))).toEqual(stored);
  });

  test("replaces lists whole", () => {
    expect(definition(mergeDefinition(stored, { calendars: [{ minute: [{ start: 5 }] }] })).calendars).toEqual([
      { minute: [{ start: 5, end: 0, step: 0 }], comment: null },
    ]);
  });

  test("clears with null", () => {
    expect(
      definition(
        mergeDefinition(stored, { jitter: null, time_zone_name: null, max_executions: null, calendars: null }),
      ),
    ).toEqual({
      ...stored,
      jitter: null,
      time_zone_name: null,
      max_executions: null,
      calendars: [],
    });
  });

  test("merges the policy key by key, and null restores its defaults", () => {
    expect(definition(mergeDefinition(stored, { policy: { overlap: 6 } })).policy).toMatchObject({
      overlap: 6,
      pause_on_failure: true,
    });
    expect(definition(mergeDefinition(stored, { policy: null })).policy).toMatchObject({
      overlap: 1,
      pause_on_failure: false,
    });
  });

  test("is refused if it does not fit what is stored", () => {
    expect(issues(mergeDefinition(stored, { cron_expressions: ["TZ=UTC @daily"] }))).toMatchObject([
      { loc: ["time_zone_name"] },
    ]);
  });
});
