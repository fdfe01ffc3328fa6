/** The OpenAPI document describes definitions in one place, and the rules read them in another. */
import { expect, test } from "vitest";
import { PartialScheduleDefinition, ScheduleDefinition } from "../../../shared/protocol/http/schedule-bodies.ts";
import { validateSpec } from "../../../shared/schedule/rules/index.ts";

const named = (definitions: object[]): [string, object][] =>
  definitions.map((each) => [JSON.stringify(each).slice(0, 90), each]);
const many = (n: number, each: unknown) => Array.from({ length: n }, () => each);

const ACCEPTED: object[] = [
  {},
  { calendars: [{}], skip: [{ comment: null }], intervals: [], cron_expressions: [] },
  { calendars: [{ hour: [{ start: 9, end: 0, step: 0 }], minute: [], year: [{ start: 2030 }] }] },
  {
    intervals: [
      { every: "PT1H", offset: null },
      { every: "P1D", offset: "PT1H" },
    ],
  },
  { cron_expressions: many(100, "0 9 * * *"), time_zone_name: "Europe/Paris", jitter: "PT5M" },
  { start_at: "2026-01-01T09:30:00Z", end_at: "2026-12-31T09:30:00.5+01:00" },
  { start_at: "2026-01-01T09:30:00", end_at: null, jitter: null, time_zone_name: null, max_executions: null },
  { policy: {}, max_executions: 1 },
  { policy: { overlap: 6, catchup_window_seconds: 0, pause_on_failure: true } },
  { schedule_id: "a_B-1" },
  { unknown: true },
];
const REFUSED: object[] = [
  { calendars: {} },
  { calendars: [1] },
  { calendars: [{ hour: 9 }] },
  { calendars: [{ hour: [9] }] },
  { calendars: [{ hour: [{ end: 9 }] }] },
  { calendars: [{ hour: [{ start: 1.5 }] }] },
  { calendars: [{ comment: 1 }] },
  { calendars: many(101, {}) },
  { skip: many(101, {}) },
  { intervals: [{}] },
  { intervals: many(101, { every: "PT1H" }) },
  { cron_expressions: [1] },
  { cron_expressions: many(101, "@daily") },
  { cron_expressions: [`${"1,".repeat(300)}1 * * * *`] },
  { start_at: 1 },
  { start_at: "tomorrow" },
  { jitter: 5 },
  { time_zone_name: 1 },
  { policy: { overlap: 7 } },
  { policy: { overlap: "SKIP" } },
  { policy: { catchup_window_seconds: -1 } },
  { policy: { pause_on_failure: "no" } },
  { max_executions: 0 },
  { max_executions: 1.5 },
];

test.each(named(ACCEPTED))("%s is described and read", (_, definition) => {
  expect(ScheduleDefinition.safeParse({ input: 1, ...definition }).success).toBe(true);
  expect(PartialScheduleDefinition.safeParse(definition).success).toBe(true);
  expect(validateSpec(definition)).not.toHaveProperty("issues");
});

test.each(named(REFUSED))("%s is neither described nor read", (_, definition) => {
  expect(ScheduleDefinition.safeParse({ input: 1, ...definition }).success).toBe(false);
  expect(PartialScheduleDefinition.safeParse(definition).success).toBe(false);
  expect(validateSpec(definition)).toHaveProperty("issues");
});
