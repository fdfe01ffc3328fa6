import { expect, test } from "vitest";
import type { HistoryEvent } from "../../../shared/protocol/history.ts";
import { gapsOf, scaleOf } from "./scale.ts";
import { stepsOf } from "./steps.ts";

const retry = { max_attempts: 3, first_ms: 1_000, factor: 2, max_ms: 9_000, non_retryable: [] };
const activity = { activity: 1, name: "charge" };
const failure = { message: "no" };

test("an activity has a segment for each attempt, and for each wait between them", () => {
  const events = [
    { id: 2, at: 100, kind: "activity_scheduled", ...activity, input: null, where: "queue", options: { retry } },
    {
      id: 3,
      at: 200,
      kind: "activity_attempt_failed",
      ...activity,
      attempt: 1,
      reason: "failed",
      failure,
      retry_at: 1_200,
    },
    { id: 4, at: 1_200, kind: "activity_attempt_started", activity: 1, attempt: 2, where: "queue" },
    { id: 5, at: 1_300, kind: "activity_completed", ...activity, result: 1 },
  ] as HistoryEvent[];
  const [step] = stepsOf(events);
  expect(step).toMatchObject({ name: "charge", outcome: "completed", start: 100, end: 1_300, events: [2, 3, 4, 5] });
  expect(step?.segments.map(({ kind, from, to, attempt }) => [kind, from, to, attempt])).toEqual([
    ["run", 100, 200, 1],
    ["wait", 200, 1_200, 2],
    ["run", 1_200, 1_300, 2],
  ]);
});

test("the end of the run ends what is open, and events without their beginning make no step", () => {
  const events = [
    { id: 7, at: 50, kind: "activity_completed", activity: 9, name: "before", result: null },
    { id: 8, at: 100, kind: "timer_started", timer: 1, fire_at: 9_000 },
    { id: 9, at: 400, kind: "execution_terminated", reason: null },
  ] as HistoryEvent[];
  expect(stepsOf(events).map(({ key, outcome, end }) => [key, outcome, end])).toEqual([["timer-1", "cancelled", 400]]);
});

test("a folded gap takes a small part of the width, and moments keep their order", () => {
  const hour = 3_600_000;
  const bounds = [0, 3 * hour + 2_000] as const;
  const gaps = gapsOf([1_000, 3 * hour + 1_000], bounds);
  expect(gaps).toEqual([{ from: 1_000, to: 3 * hour + 1_000 }]);
  const scale = scaleOf(bounds, gaps);
  const moments = [0, 500, 1_000, hour, 2 * hour, 3 * hour + 1_000, 3 * hour + 2_000].map(scale);
  expect(moments).toEqual(moments.toSorted((a, b) => a - b));
  expect(moments[0]).toBe(0);
  expect(moments.at(-1)).toBeCloseTo(1);
  expect((moments[5] as number) - (moments[2] as number)).toBeCloseTo(0.04);
  expect(scaleOf(bounds, [])(1_000)).toBeLessThan(0.001);
});
