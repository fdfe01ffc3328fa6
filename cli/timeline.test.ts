import { expect, it } from "vitest";
import type { HistoryEvent } from "../shared/protocol/history.ts";
import { failureLines, timeline } from "./timeline.ts";

const T = Date.parse("2026-01-01T00:00:00Z");
const options = { retry: { max_attempts: 3, first_ms: 1000, factor: 2, max_ms: 100_000, non_retryable: [] } };
const failure = {
  message: "activity failed",
  type: "ActivityError",
  cause: { message: "no route", type: "NetworkError" },
};

/** A history from events without ids, a second apart. */
const history = (...events: object[]): HistoryEvent[] =>
  events.map((event, i) => ({ id: i + 1, at: T + i * 1000, ...event }) as HistoryEvent);

const scheduled = { kind: "activity_scheduled", activity: 1, name: "charge", input: { n: 1 }, where: "queue", options };

it("the lines of an activity show its duration, the attempt, and the root cause of a failure", () => {
  const lines = timeline(
    history(
      scheduled,
      {
        kind: "activity_attempt_failed",
        activity: 1,
        name: "charge",
        attempt: 1,
        reason: "lost",
        failure,
        retry_at: T + 3000,
      },
      { kind: "activity_attempt_started", activity: 1, attempt: 2, where: "local:s" },
      { kind: "activity_completed", activity: 1, name: "charge", result: "ok" },
    ),
  );
  expect(lines.map((line) => `${line.symbol} ${line.text} | ${line.more}`)).toEqual([
    '▶ charge (1) queued | {"n":1}',
    "↻ charge (1) attempt 1 lost its worker, retry in 2.00 s | NetworkError: no route",
    "▶ charge (1) attempt 2 | ",
    '✔ charge (1) done after 3.00 s | "ok"',
  ]);
});

it("a failure is printed with its causes, outermost first", () => {
  expect(failureLines(failure)).toEqual(["ActivityError: activity failed", "caused by NetworkError: no route"]);
});
