import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ActivityOptions } from "../protocol/history.ts";
import { afterFailure, type FailedAttempt } from "./retry.ts";

const NOW = 1_000_000;
const failed = (over: Partial<FailedAttempt> & { retry?: Partial<ActivityOptions["retry"]> } = {}) => {
  const { retry, options, ...rest } = over;
  const policy = {
    max_attempts: 3,
    first_ms: 1_000,
    factor: 2,
    max_ms: 60_000,
    non_retryable: ["RangeError"],
    ...retry,
  };
  return afterFailure({
    options: { ...options, retry: policy },
    attempt: 1,
    scheduledAt: NOW,
    cancelRequested: false,
    reason: "failed",
    failure: { message: "no", type: "Error" },
    now: NOW,
    ...rest,
  });
};

describe("another attempt follows", () => {
  test("after a wait that grows by the factor up to its limit", () => {
    const waits = [1, 2, 3, 7, 50].map((attempt) => failed({ attempt, retry: { max_attempts: 0 } }));
    expect(waits.map((w) => w.kind === "retry" && w.at - NOW)).toEqual([1_000, 2_000, 4_000, 60_000, 60_000]);
  });
  test("at once when its worker was lost", () => {
    expect(failed({ reason: "lost" })).toEqual({ kind: "retry", at: NOW });
  });
  test("not before the time that the error asks for, even beyond the limit of the wait", () => {
    const failure = { message: "busy", type: "Error", retry_after_ms: 90_000 };
    expect(failed({ failure })).toEqual({ kind: "retry", at: NOW + 90_000 });
  });
  test("after a start-to-close or a heartbeat timeout", () => {
    expect(failed({ reason: "start_to_close" }).kind).toBe("retry");
    expect(failed({ reason: "heartbeat" }).kind).toBe("retry");
  });
  test("at a whole millisecond, not in the past, for any policy and any number of attempts", () => {
    const policy = fc.record({
      first_ms: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1e12 })),
      factor: fc.double({ min: 1, max: 1e6, noNaN: true }),
      max_ms: fc.integer({ min: 0, max: 1e12 }),
    });
    fc.assert(
      fc.property(policy, fc.integer({ min: 1, max: 1e6 }), (retry, attempt) => {
        const next = failed({ attempt, retry: { ...retry, max_attempts: 0 } });
        expect(next.kind === "retry" && Number.isSafeInteger(next.at) && next.at >= NOW).toBe(true);
      }),
    );
    expect(failed({ attempt: 2_000, retry: { first_ms: 0, max_attempts: 0 } })).toEqual({ kind: "retry", at: NOW });
  });
});

describe("no other attempt follows", () => {
  test.each([
    ["the last one", { attempt: 3 }, "failed"],
    ["one that says so itself", { failure: { message: "", non_retryable: true } }, "failed"],
    ["an error of a listed name", { failure: { message: "", type: "RangeError" } }, "failed"],
    ["one that was cancelled", { reason: "cancelled" }, "cancelled"],
    ["a failure after cancellation was requested", { cancelRequested: true }, "cancelled"],
    ["the time for all attempts", { reason: "schedule_to_close" }, "schedule_to_close"],
    ["the time to begin", { reason: "schedule_to_start" }, "schedule_to_start"],
    ["a wait that would pass the time for all", { options: { schedule_to_close_ms: 1_000 } }, "failed"],
    ["a lost one that was the last", { reason: "lost", attempt: 3 }, "lost"],
  ] as [string, Partial<FailedAttempt>, string][])("after %s", (_, over, reason) => {
    expect(failed(over)).toEqual({ kind: "final", reason });
  });
});
