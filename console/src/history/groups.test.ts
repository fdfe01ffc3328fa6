import { expect, test } from "vitest";
import { groupsOf } from "./groups.ts";
import type { Shown } from "./store.ts";

const events = [
  { id: 1, at: 0, kind: "execution_started", workflow: "pay", input: null },
  { id: 2, at: 10, kind: "activity_scheduled", activity: 1, name: "charge", input: null },
  { id: 3, at: 20, kind: "child_scheduled", child: 1, workflow: "ship", execution: "the-child" },
  { id: 4, at: 30, kind: "signal_received", message: "m", name: "approve", input: null },
  { id: 5, at: 40, kind: "activity_completed", activity: 1, name: "charge", result: null },
  { id: 6, at: 50, kind: "child_cancel_requested", child: 1, execution: "the-child" },
  { id: 7, at: 60, kind: "timer_started", timer: 1, fire_at: 999 },
  { id: 8, at: 70, kind: "activity_completed", activity: 9, name: "begun before", result: null },
] as unknown as Shown[];

const told = (given: readonly Shown[]) =>
  groupsOf(given).map(({ step, events: own }) => [step?.name ?? null, own.map(({ id }) => id)]);

test("the events of one step stand together where the step began; each other event stands alone", () => {
  expect(told(events)).toEqual([
    [null, [1]],
    ["charge", [2, 5]],
    ["ship", [3, 6]],
    [null, [4]], // a signal is over with its one event
    ["Timer 1", [7]], // further events of an open step will come
    [null, [8]],
  ]);
});

test("every event is in one group", () => {
  const ids = groupsOf(events).flatMap(({ events: own }) => own.map(({ id }) => id));
  expect(ids.toSorted((a, b) => a - b)).toEqual(events.map(({ id }) => id));
});
