import { expect, test } from "vitest";
import { Rates } from "./rates.ts";

const event = (event_type: string, second: number) =>
  ({ data: { event_type, event_timestamp: second * 1_000_000 } }) as Parameters<Rates["take"]>[0];
const sum = (all: ReturnType<Rates["window"]>) => [
  all.reduce((n, { started }) => n + started, 0),
  all.reduce((n, { ended }) => n + ended, 0),
];

test("starts and ends are counted by the second in which they happened, and forgotten after a minute", () => {
  const rates = new Rates();
  rates.take(event("WORKFLOW_EXECUTION_STARTED", 1_000));
  rates.take(event("WORKFLOW_EXECUTION_STARTED", 1_030));
  rates.take(event("WORKFLOW_EXECUTION_COMPLETED", 1_030));
  rates.take(event("WORKFLOW_EXECUTION_FAILED", 1_031));
  rates.take(event("ACTIVITY_TASK_FAILED", 1_031));
  rates.take(event("WORKFLOW_EXECUTION_CONTINUED_AS_NEW", 1_031));
  expect(sum(rates.window(1_031_500))).toEqual([2, 2]);
  expect(rates.window(1_031_500).at(-1)).toEqual({ started: 0, ended: 1 });
  expect(sum(rates.window(1_060_000))).toEqual([1, 2]);
  expect(sum(rates.window(1_200_000))).toEqual([0, 0]);
  rates.take(event("WORKFLOW_EXECUTION_STARTED", 1_095));
  expect(sum(rates.window(1_031_500))).toEqual([0, 0]); // those seconds are gone
});

test("the count begins when the stream is live for the first time, and a later connection does not begin it anew", () => {
  const rates = new Rates();
  expect(rates.since).toBeNull();
  rates.begin(5);
  rates.begin(9);
  expect(rates.since).toBe(5);
});
