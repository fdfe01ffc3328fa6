/** Histories for property tests: any events in any order, legal or not, numbered and timed as a log would have them. */
import * as fc from "fast-check";
import type { ActivityOptions, Failure, HistoryEvent, NewEvent, Started } from "../protocol/history.ts";
import type { InboxMessage } from "../protocol/messages.ts";

export const T = 1_800_000_000_000;
export const RUN = "01a3185c-5000-7b77-abf5-38a936675a1c";
export const started = (over: Partial<Started> = {}): Started => ({
  kind: "execution_started",
  id: 1,
  at: T,
  workflow: "orders",
  input: { n: 1 },
  deployment: "shop",
  run: RUN,
  chain: "01a3185c-5000-7c32-be49-9700674d54a0",
  attempt: 1,
  deadline: null,
  parent: null,
  root: "x",
  schedule: null,
  first_run: RUN,
  continued_from: null,
  carried: [],
  ...over,
});

const number = fc.integer({ min: 1, max: 4 });
const attempt = fc.integer({ min: 1, max: 4 });
const ms = fc.integer({ min: 0, max: 200_000 });
const time = ms.map((n) => T + n);
export const session = fc.constantFrom("me", "other");
const where = fc.oneof(
  fc.constant("queue" as const),
  session.map((s) => `local:${s}` as const),
);
const text = fc.constantFrom("a", "b", "c");
const json = fc.constantFrom(null, 1, "text", { deep: [true] });
export const failure: fc.Arbitrary<Failure> = fc.record(
  {
    message: text,
    type: fc.constantFrom("Error", "Fatal"),
    non_retryable: fc.boolean(),
    retry_after_ms: ms,
    cause: fc.constant({ message: "deeper" }),
  },
  { requiredKeys: ["message"] },
);
export const options: fc.Arbitrary<ActivityOptions> = fc.record(
  {
    start_to_close_ms: ms,
    schedule_to_close_ms: ms,
    schedule_to_start_ms: ms,
    heartbeat_ms: ms,
    retry: fc.record({
      max_attempts: fc.integer({ min: 0, max: 5 }),
      first_ms: ms,
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      max_ms: ms,
      non_retryable: fc.constantFrom([], ["Fatal"]),
    }),
  },
  { requiredKeys: ["retry"] },
);
const reason = fc.constantFrom(
  "failed" as const,
  "start_to_close" as const,
  "schedule_to_close" as const,
  "schedule_to_start" as const,
  "heartbeat" as const,
  "lost" as const,
  "cancelled" as const,
);
const messageName = fc.integer({ min: 1, max: 9 }).map((n) => `signal#${n}`);
const task = fc.record({ name: text, input: json, options, scheduled_at: time });
const one = <K extends NewEvent["kind"]>(kind: K, fields: object = {}) =>
  fc.record({ kind: fc.constant(kind), ...fields });

export const event = fc.oneof(
  one("activity_scheduled", { activity: number, name: text, input: json, where, options }),
  one("activity_completed", { activity: number, name: text, result: json }),
  one("activity_failed", { activity: number, name: text, attempt, reason, failure }),
  one("activity_attempt_failed", { activity: number, name: text, attempt, reason, failure, retry_at: time }),
  one("activity_attempt_started", { activity: number, attempt: fc.integer({ min: 2, max: 5 }), where: where, task }),
  one("activity_restarted", { activity: number, task }),
  one("execution_reset", {
    from: fc.constant("older"),
    reason: fc.constantFrom(null, "why"),
    excluded: fc.constant([]),
  }),
  one("activity_cancel_requested", { activity: number }),
  one("timer_started", { timer: number, fire_at: time }),
  one("timer_fired", { timer: number }),
  one("timer_cancelled", { timer: number }),
  one("child_scheduled", {
    child: number,
    workflow: text,
    execution: text,
    input: json,
    on_parent_close: fc.constantFrom("terminate" as const, "cancel" as const, "abandon" as const),
  }),
  one("child_cancel_requested", { child: number, execution: text }),
  one("child_completed", { child: number, result: json }),
  one("child_failed", { child: number, status: fc.constant("FAILED" as const), failure }),
  one("signal_received", { message: messageName, name: text, input: json }),
  one("update_accepted", { message: messageName, name: text, input: json }),
  one("update_rejected", { message: messageName, name: text, failure }),
  one("update_completed", { message: messageName, name: text, result: json }),
  one("update_failed", { message: messageName, name: text, failure }),
  one("cancel_requested", { message: messageName, reason: fc.constantFrom(null, "why") }),
  one("custom_task", {
    event: fc.constantFrom("started" as const, "completed" as const),
    task: text,
    task_type: text,
    attributes: fc.constant({ payload: { type: "json", value: 1, encoding_options: null } }),
  }),
  one("search_keys_set", { set: fc.constantFrom({}, { key: "v" }), remove: fc.constantFrom([], ["key"]) }),
  one("workflow_task_failed", { failure, fingerprint: text }),
) as fc.Arbitrary<NewEvent>;

export const closing = fc.oneof(
  one("execution_completed", { result: json }),
  one("execution_failed", { failure }),
  one("execution_cancelled", { reason: fc.constantFrom(null, "why") }),
  one("execution_continued", { run: fc.constant("next"), workflow: text, input: json }),
  one("execution_terminated", { reason: fc.constantFrom(null, "why") }),
  one("execution_timed_out"),
) as fc.Arbitrary<NewEvent>;

/** Events 2, 3 … of a run, at times that never fall. */
export const placed = (events: readonly NewEvent[], steps: readonly number[]): HistoryEvent[] => {
  let at = T;
  return events.map((e, i) => {
    at += steps[i % Math.max(1, steps.length)] ?? 0;
    return { ...e, id: i + 2, at } as HistoryEvent;
  });
};
export const history = (maxLength = 30) =>
  fc
    .tuple(fc.array(event, { maxLength }), fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 4 }))
    .map(([events, steps]) => placed(events, steps));

const outcome = fc.oneof(
  fc.record({ kind: fc.constant("completed" as const), result: json }),
  fc.record({ kind: fc.constant("failed" as const), reason, failure }),
);
const base = { id: messageName, sent_at: time, seq: fc.nat() };
const of = fc.constantFrom(RUN, "older");
export const message = fc.oneof(
  fc.record({ ...base, kind: fc.constant("signal" as const), name: text, input: json }),
  fc.record({ ...base, kind: fc.constant("update" as const), name: text, input: json }),
  fc.record({ ...base, kind: fc.constant("cancel" as const), reason: fc.constant(null) }),
  fc
    .record({
      kind: fc.constant("activity" as const),
      run: of,
      activity: number,
      attempt,
      outcome,
      sent_at: time,
      seq: fc.nat(),
    })
    .map((m) => ({ ...m, id: `activity#${m.run}#${m.activity}#${m.attempt}` })),
  fc
    .record({
      kind: fc.constant("child" as const),
      run: of,
      child: number,
      outcome: fc.record({ kind: fc.constant("completed" as const), result: json }),
      sent_at: time,
      seq: fc.nat(),
    })
    .map((m) => ({ ...m, id: `child#${m.run}#${m.child}` })),
) as fc.Arbitrary<InboxMessage>;
export const localOutcome = fc.record({ activity: number, attempt, outcome, at: time });
