import { expect, test } from "vitest";
import type { HistoryEvent } from "../../../shared/protocol/history.ts";
import { firstDifference, pairsOf, valuesOf } from "./compare.ts";
import { stepsOf } from "./steps.ts";

let id = 0;
const event = (kind: string, at: number, rest: object = {}) =>
  ({ id: ++id, kind, at, ...rest }) as unknown as HistoryEvent;
const call = (activity: number, name: string, at: number, input: unknown = null) =>
  event("activity_scheduled", at, { activity, name, input });
const done = (activity: number, name: string, at: number, result: unknown = null) =>
  event("activity_completed", at, { activity, name, result });
const failed = (activity: number, name: string, at: number) =>
  event("activity_failed", at, { activity, name, reason: "failed", attempt: 1, failure: { message: "no" } });

test("steps are paired by kind, name and place, and what one run has alone stands where it happened", () => {
  const a = [call(1, "load", 0), done(1, "load", 5), call(2, "pay", 5), done(2, "pay", 9), call(3, "mail", 9)];
  const b = [
    call(1, "load", 0),
    done(1, "load", 50),
    call(2, "check", 50),
    done(2, "check", 51),
    call(3, "pay", 51),
    failed(3, "pay", 60),
  ];
  const pairs = pairsOf(stepsOf(a), stepsOf(b));
  expect(pairs.map(({ name, differs }) => [name, ...differs])).toEqual([
    ["load"],
    ["check", "only in the second"],
    ["pay", "outcome"],
    ["mail", "only in the first"],
  ]);
  expect(pairs[0]).toMatchObject({ a: { ms: 5, attempts: 1 }, b: { ms: 50, attempts: 1 } });
});

test("the third call of a name is compared with the third one, and other attempts are a difference", () => {
  const run = (attempts: number) => [
    ...[1, 2, 3].flatMap((n) => [call(n, "work", n), done(n, "work", n)]),
    call(4, "work", 4),
    ...Array.from({ length: attempts - 1 }, (_, n) => [
      event("activity_attempt_failed", 5 + n, {
        activity: 4,
        name: "work",
        attempt: n + 1,
        failure: { message: "no" },
      }),
      event("activity_attempt_started", 5 + n, { activity: 4, attempt: n + 2 }),
    ]).flat(),
    done(4, "work", 20),
  ];
  const pairs = pairsOf(stepsOf(run(1)), stepsOf(run(3)));
  expect(pairs.map(({ nth, differs }) => [nth, ...differs])).toEqual([[1], [2], [3], [4, "attempts"]]);
  expect(pairs[3]).toMatchObject({ a: { attempts: 1 }, b: { attempts: 3 } });
});

test("histories differ at the first event about something else; times, ids and values do not count", () => {
  const a = [call(1, "load", 0, { n: 1 }), done(1, "load", 5), call(2, "pay", 5)];
  const same = [call(1, "load", 100, { n: 2 }), done(1, "load", 500), call(2, "pay", 501)];
  expect(firstDifference(a, same)).toBeNull();
  expect(firstDifference(a, same, valuesOf)?.a).toBe(a[0]);
  const other = [call(1, "load", 0), done(1, "load", 5), call(2, "refund", 5)];
  expect(firstDifference(a, other)).toEqual({ a: a[2], b: other[2] });
  expect(firstDifference(a, a.slice(0, 2))).toEqual({ a: a[2], b: undefined });
});
