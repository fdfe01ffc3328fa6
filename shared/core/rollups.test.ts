import { expect, test } from "vitest";
import { fingerprintOf } from "../protocol/failure-kind.ts";
import type { HistoryEvent, NewEvent } from "../protocol/history.ts";
import {
  type Bucket,
  bucketsFor,
  closedRun,
  HOUR_MS,
  MINUTE_MS,
  MINUTES_KEPT_MS,
  quantile,
  rangesOf,
  withIncrement,
} from "./rollups.ts";

const NOW = Date.UTC(2026, 0, 31, 12, 30, 30);
const run = { workflow: "orders", execution: "x", deployment: "shop", run: "r", started_at: NOW - 5_000 };
const batch = (...events: NewEvent[]) => ({
  events: events.map((event, i) => ({ ...event, id: 2 + i, at: NOW }) as HistoryEvent),
});
const kept = { now: NOW, retentionMs: 30 * 24 * HOUR_MS };

test("each kind of close is counted under its own name, and only a run whose code ended has a latency", () => {
  const failure = { message: "boom" };
  const counted = (event: NewEvent, retries = 0) => closedRun(run, batch(event), retries)[0]!.add;
  const ran = { latency_ms: 5_000, l49: 1 };
  expect(counted({ kind: "execution_completed", result: null })).toEqual({ completed: 1, ...ran });
  expect(counted({ kind: "execution_failed", failure }, 3)).toEqual({ failed: 1, retried: 1, ...ran });
  expect(counted({ kind: "execution_cancelled", reason: null })).toEqual({ canceled: 1 });
  expect(counted({ kind: "execution_terminated", reason: null })).toEqual({ terminated: 1 });
  expect(counted({ kind: "execution_terminated", reason: null, next_run: "r2" })).toEqual({ reset: 1 });
  expect(counted({ kind: "execution_timed_out" })).toEqual({ timed_out: 1 });
  const continued = { kind: "execution_continued", run: "r2", workflow: "orders", input: null } as const;
  expect(counted(continued)).toEqual({ continued: 1 });
  expect(closedRun(run, batch({ kind: "timer_fired", timer: 1 }), 0)).toEqual([]);
});

test("a failure is counted by the time of its close, with its innermost cause", () => {
  const failure = {
    type: "ActivityError",
    message: "charge failed",
    cause: { type: "CardError", message: "card 4711" },
  };
  const [, counted] = closedRun(run, batch({ kind: "execution_failed", failure }), 0);
  expect(counted).toMatchObject({
    subject: "failures",
    at: NOW,
    add: { failed: 1 },
    failure: { workflow: "orders", deployment: "shop", status: "FAILED", type: "CardError", message: "card 4711" },
  });
});

test("failures that differ in ids, numbers and quoted values have one fingerprint; others have their own", () => {
  const of = (message: string, over = {}) =>
    fingerprintOf({ workflow: "orders", deployment: "shop", status: "FAILED", type: "E", message, ...over });
  expect(of("no stock of 'a' for order 12")).toBe(of("no stock of 'bc' for order 7"));
  expect(of("order 0190a000-0000-7000-8000-000000000001 is gone")).toBe(
    of("order 0190a000-0000-7000-8000-0000000000ff is gone"),
  );
  expect(of("job run-17-b is gone")).toBe(of("job run-9-c is gone"));
  const different = [
    of("no stock"),
    of("no money"),
    of("no stock", { workflow: "returns" }),
    of("no stock", { type: "F" }),
  ];
  expect(new Set(different).size).toBe(4);
  expect(of("no stock")).toMatch(/^[0-9a-f]{16}$/);
});

test("a quantile of the sketch is within 10 % at any scale", () => {
  let bucket: Bucket = { key: "", start: 0, counts: {} };
  const latencies = Array.from({ length: 1000 }, (_, i) => 1.02 ** i);
  for (const latency of latencies) {
    const from = { ...run, started_at: NOW - latency };
    const [counted] = closedRun(from, batch({ kind: "execution_completed", result: null }), 0);
    bucket = withIncrement(bucket, counted!);
  }
  for (const q of [0.25, 0.5, 0.95, 0.99]) {
    const exact = latencies[Math.ceil(q * 1000) - 1]!;
    expect(Math.abs(quantile(bucket.counts, q) / exact - 1)).toBeLessThan(0.1);
  }
  expect(quantile({ completed: 3 }, 0.5)).toBe(0);
});

test("a young count goes to its minute and its hour, an old one to the hour alone", () => {
  const sizes = (at: number) => bucketsFor({ at }, kept).map(({ size }) => size);
  expect(sizes(NOW)).toEqual(["hour", "minute"]);
  expect(sizes(NOW - MINUTES_KEPT_MS)).toEqual(["hour", "minute"]);
  expect(sizes(NOW - MINUTES_KEPT_MS - 1)).toEqual(["hour"]);
});

test("the ranges of a window cover it without a gap and without an overlap", () => {
  const hour = Date.UTC(2026, 0, 31, 12);
  const windows: [number, number][] = [
    [NOW - 10 * MINUTE_MS, NOW],
    [NOW - 5 * HOUR_MS, NOW],
    [NOW - 40 * HOUR_MS, NOW - HOUR_MS],
    [NOW - 100 * HOUR_MS, NOW],
    [NOW - 100 * HOUR_MS, NOW - 90 * HOUR_MS],
    [hour - HOUR_MS, hour],
    [hour, hour],
  ];
  for (const [from, until] of windows) {
    for (const minutes of [false, true]) {
      const window = rangesOf({ from, until, now: NOW, minutes });
      expect(window.from).toBeLessThanOrEqual(from);
      expect(window.until).toBeGreaterThanOrEqual(until);
      let reached = window.from;
      for (const range of window.ranges) {
        expect(range.from).toBe(reached);
        expect(range.until).toBeGreaterThan(range.from);
        if (range.size === "minute") expect(range.from).toBeGreaterThanOrEqual(NOW - MINUTES_KEPT_MS - MINUTE_MS);
        reached = range.until;
      }
      expect(reached).toBe(window.until);
    }
  }
  const young = rangesOf({ from: NOW - 10 * MINUTE_MS, until: NOW, now: NOW });
  expect([young.from, young.until]).toEqual([NOW - 30_000 - 10 * MINUTE_MS, NOW + 30_000]);
  const old = rangesOf({ from: NOW - 100 * HOUR_MS, until: NOW - 90 * HOUR_MS, now: NOW });
  expect(old.ranges.map(({ size }) => size)).toEqual(["hour"]);
});
