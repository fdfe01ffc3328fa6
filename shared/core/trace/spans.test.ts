import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { HistoryEvent } from "../../protocol/history.ts";
import { callerOf } from "./context.ts";
import { addSpans, spansOf } from "./spans.ts";

const digest = (text: string) => createHash("sha256").update(text).digest("hex");
const head = {
  execution: "e",
  run: "r",
  workflow: "w",
  deployment: "d",
  attempt: 1,
  started_at: 0,
  extensions: { __tracing: { attributes: "no object", traceparent: 7 } },
  schedule: null,
  parent: null,
  continued_from: null,
} as unknown as Parameters<typeof spansOf>[0];
const events = (...list: Record<string, unknown>[]) =>
  list.map((e, i) => ({ id: i + 2, at: (i + 1) * 10, ...e })) as unknown as HistoryEvent[];

test("the last attempt of a retry that the queue counted begins when the last recorded back-off ended", () => {
  const spans = spansOf(head, digest, 100);
  const failure = { message: "no" };
  addSpans(
    spans,
    events(
      { kind: "activity_scheduled", activity: 1, name: "a", where: "queue" },
      { kind: "activity_attempt_failed", activity: 1, attempt: 1, reason: "failed", failure, retry_at: 25 },
      { kind: "activity_failed", activity: 1, attempt: 12, reason: "failed", failure },
    ),
  );
  expect(spans.below.map((s) => [s.attributes["sirocco.attempt"], s.start, s.end, s.status])).toEqual([
    [1, 10, 20, "FAILED"],
    [12, 25, 30, "FAILED"],
  ]);
});

test("an activity that is cancelled during its back-off has no attempt more than were made", () => {
  const spans = spansOf(head, digest, 100);
  const failure = { message: "no" };
  addSpans(
    spans,
    events(
      { kind: "activity_scheduled", activity: 1, name: "a", where: "queue" },
      { kind: "activity_attempt_failed", activity: 1, attempt: 1, reason: "failed", failure, retry_at: 90 },
      { kind: "activity_failed", activity: 1, attempt: 1, reason: "cancelled", failure },
    ),
  );
  expect(spans.below).toHaveLength(1);
});

test("spans beyond the most are counted, and the close ends those that are open", () => {
  const spans = spansOf(head, digest, 2);
  const timers = [1, 2, 3, 4].map((timer) => ({ kind: "timer_started", timer, fire_at: 1_000 }));
  addSpans(spans, events(...timers, { kind: "execution_terminated", reason: null }));
  expect([spans.below.length, spans.dropped]).toEqual([2, 2]);
  expect(spans.below.map(({ end }) => end)).toEqual([50, 50]);
  expect(spans.run).toMatchObject({ end: 50, status: "FAILED", error: "TERMINATED" });
});

test("a caller's traceparent counts only in the form of the standard", () => {
  const [trace, span] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  expect(callerOf(`00-${trace}-${span}-01`)).toEqual({ trace, span });
  expect(callerOf(`01-${trace}-${span}-01-more`)).toEqual({ trace, span });
  for (const bad of [
    null,
    7,
    "",
    `ff-${trace}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace}-${span}`,
  ]) {
    expect(callerOf(bad)).toBeNull();
  }
});
