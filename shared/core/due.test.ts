import { expect, test } from "vitest";
import type { HistoryEvent } from "../protocol/history.ts";
import { dueAt, type Outlook } from "./due.ts";
import { started, T } from "./histories.test-host.ts";
import { fold, stateOf } from "./state.ts";

const outlook: Outlook = { now: T + 1_000, session: "me", broken: false, nextArrival: null, diesAt: () => null };
const waits = (...fireAt: number[]) =>
  fold(
    stateOf(started()),
    fireAt.map((fire_at, i) => ({ kind: "timer_started", timer: i + 1, fire_at, id: i + 2, at: T }) as HistoryEvent),
  );

test("a run is due at its first timer", () => {
  expect(dueAt(waits(T + 500, T + 200), outlook)).toBe(T + 200);
});

test("while code is broken, a timer that waits behind a message does not make the run due: the next try does", () => {
  const broken = { ...outlook, broken: true, nextArrival: T + 300 };
  expect(dueAt(waits(T + 500), broken)).toBe(T + 2_000);
  expect(dueAt(waits(T + 500, T + 200), broken)).toBe(T + 200);
  expect(dueAt(waits(T + 500), { ...broken, nextArrival: null })).toBe(T + 500);
});
