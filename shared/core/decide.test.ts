import { describe, expect, test } from "vitest";
import type { ActivityOptions, HistoryEvent, NewEvent, Started } from "../protocol/history.ts";
import type { Message } from "../protocol/messages.ts";
import { decide, type Situation } from "./decide.ts";
import { fold, stateOf } from "./state.ts";

const T = 1_000_000;
const startedEvent: Started = {
  kind: "execution_started",
  id: 1,
  at: T,
  workflow: "w",
  input: null,
  deployment: "d",
  run: "run",
  chain: "chain",
  attempt: 1,
  deadline: null,
  parent: null,
  root: "x",
  schedule: null,
  first_run: "run",
  continued_from: null,
  carried: [],
};
const retry = { max_attempts: 3, first_ms: 1_000, factor: 2, max_ms: 60_000, non_retryable: [] };
const given = (...events: NewEvent[]) =>
  fold(
    stateOf(startedEvent),
    events.map((e, i) => ({ ...e, id: i + 2, at: T }) as HistoryEvent),
  );
const scheduled = (where: "queue" | `local:${string}`, options: Partial<ActivityOptions> = {}): NewEvent => ({
  kind: "activity_scheduled",
  activity: 1,
  name: "charge",
  input: null,
  where,
  options: { retry, ...options },
});
const situation = (over: Partial<Situation> = {}): Situation => ({
  now: T + 10,
  session: "me",
  messages: [],
  outcomes: [],
  isRunning: () => true,
  isDead: () => false,
  canRun: () => true,
  hasBegun: () => false,
  checkSignal: () => null,
  checkUpdate: () => null,
  ...over,
});
const signal = (id: string): Message => ({ id, kind: "signal", name: "s", input: 1, sent_at: T });

describe("messages", () => {
  test("a message that the inbox answers twice is taken in once", () => {
    const step = decide(given(), situation({ messages: [signal("m"), signal("n"), signal("m")] }));
    expect(step.events).toMatchObject([
      { kind: "signal_received", message: "m" },
      { kind: "signal_received", message: "n" },
    ]);
    expect(new Set(step.taken)).toEqual(new Set(["m", "n"]));
  });

  test("two outcomes of one child are one event", () => {
    const state = given({
      kind: "child_scheduled",
      child: 1,
      workflow: "w",
      execution: "c",
      input: null,
      on_parent_close: "abandon",
    });
    const told = (id: string): Message => ({
      id,
      kind: "child",
      run: "run",
      child: 1,
      outcome: { kind: "completed", result: 1 },
      sent_at: T,
    });
    expect(decide(state, situation({ messages: [told("a"), told("b")] })).events).toHaveLength(1);
  });

  test("an outcome of something that the log does not know yet stays in the inbox", () => {
    const outcome = { kind: "completed" as const, result: 1 };
    const messages: Message[] = [
      { id: "a", kind: "activity", run: "run", activity: 2, attempt: 1, outcome, sent_at: T },
      { id: "b", kind: "activity", run: "run", activity: 1, attempt: 2, outcome, sent_at: T }, // still local in this log
      { id: "c", kind: "child", run: "run", child: 1, outcome, sent_at: T },
    ];
    expect(decide(given(scheduled("local:me")), situation({ messages }))).toEqual({ events: [], taken: [] });
  });

  test("an outcome for another run, or for nothing open, is in `taken` without an event", () => {
    const outcome = (run: string, activity: number): Message => ({
      id: `${run}${activity}`,
      kind: "activity",
      run,
      activity,
      attempt: 1,
      outcome: { kind: "completed", result: 1 },
      sent_at: T,
    });
    const second = { ...scheduled("queue"), activity: 2 } as NewEvent;
    const ended: NewEvent = { kind: "activity_completed", activity: 2, name: "charge", result: null };
    const state = given(scheduled("queue"), second, ended);
    const messages = [outcome("older", 1), outcome("run", 2), outcome("run", 1)];
    const step = decide(state, situation({ messages }));
    expect(step.events).toMatchObject([{ kind: "activity_completed", activity: 1 }]);
    expect(step.taken).toEqual(["older1", "run2", "run1"]);
  });
});

describe("local attempts", () => {
  test("of a dead session, or of mine and not running here: one step records the loss and the next attempt", () => {
    for (const [where, over] of [
      ["local:other", { isDead: () => true }],
      ["local:me", { isRunning: () => false }],
    ] as const) {
      expect(decide(given(scheduled(where)), situation(over)).events).toMatchObject([
        { kind: "activity_attempt_failed", attempt: 1, reason: "lost", retry_at: T + 10 },
        { kind: "activity_attempt_started", attempt: 2, where: "local:me" },
      ]);
    }
  });
  test("of a live session go on", () => {
    expect(decide(given(scheduled("local:other")), situation()).events).toEqual([]);
    expect(decide(given(scheduled("local:me")), situation()).events).toEqual([]);
  });
  test("a late outcome of an attempt that was recorded as lost does not count", () => {
    const state = given(
      scheduled("local:me"),
      {
        kind: "activity_attempt_failed",
        activity: 1,
        name: "charge",
        attempt: 1,
        reason: "lost",
        failure: { message: "" },
        retry_at: T,
      },
      { kind: "activity_attempt_started", activity: 1, attempt: 2, where: "local:other" },
    );
    const outcomes = [{ activity: 1, attempt: 1, outcome: { kind: "completed" as const, result: 1 } }];
    expect(decide(state, situation({ outcomes })).events).toEqual([]);
  });
  test("the loss of the last attempt ends the activity", () => {
    const state = given(scheduled("local:gone", { retry: { ...retry, max_attempts: 1 } }));
    const step = decide(state, situation({ isDead: () => true }));
    expect(step.events).toMatchObject([{ kind: "activity_failed", reason: "lost" }]);
  });
});

describe("retries without a limit", () => {
  const failed = (attempt: number, message = ""): NewEvent => ({
    kind: "activity_attempt_failed",
    activity: 1,
    name: "charge",
    attempt,
    reason: "failed",
    failure: { message },
    retry_at: T,
  });
  const began = (attempt: number): NewEvent => ({
    kind: "activity_attempt_started",
    activity: 1,
    attempt,
    where: "local:me",
  });
  /** Local attempts up to the failure of attempt `last`. */
  const attempts = (last: number, policy: Partial<typeof retry>) => {
    const events: NewEvent[] = [scheduled("local:me", { retry: { ...retry, max_attempts: 0, ...policy } })];
    for (let n = 1; n <= last; n++) events.push(...(n > 1 ? [began(n)] : []), failed(n));
    return given(...events);
  };
  test("the first attempts run locally, the next ones go to the queue, which counts them without events", () => {
    const tenth = decide(attempts(9, { max_ms: 60_000 }), situation()).events;
    expect(tenth).toMatchObject([{ kind: "activity_attempt_started", attempt: 10, where: "local:me" }]);
    const eleventh = decide(attempts(10, { max_ms: 60_000 }), situation()).events;
    expect(eleventh).toMatchObject([{ kind: "activity_attempt_started", attempt: 11, where: "queue" }]);
  });
  test("attempts that are more than an hour apart stay with the run, and their failures are recorded in short", () => {
    const rare = { first_ms: 2 * 3_600_000, max_ms: 2 * 3_600_000 };
    const twelfth = decide(attempts(11, rare), situation()).events;
    expect(twelfth).toMatchObject([{ kind: "activity_attempt_started", attempt: 12, where: "local:me" }]);
    const state = attempts(11, rare);
    fold(state, [{ ...began(12), id: state.tail + 1, at: T } as HistoryEvent]);
    const failure = { type: "Down", message: "x".repeat(100_000), stack: "y", details: { page: "z" } };
    const outcome = {
      activity: 1,
      attempt: 12,
      outcome: { kind: "failed" as const, reason: "failed" as const, failure },
    };
    const [event] = decide(state, situation({ outcomes: [outcome], isRunning: () => true })).events;
    expect(event).toMatchObject({ kind: "activity_attempt_failed", attempt: 12, failure: { type: "Down" } });
    expect(JSON.stringify(event).length).toBeLessThan(1_000);
  });
});

describe("the wait in a queue", () => {
  const options = { schedule_to_start_ms: 5_000 };
  test("an activity that no worker begins in time fails", () => {
    const late = situation({ now: T + 5_000 });
    expect(decide(given(scheduled("queue", options)), late).events).toMatchObject([
      { kind: "activity_failed", reason: "schedule_to_start" },
    ]);
    const begun = { ...late, hasBegun: () => true };
    expect(decide(given(scheduled("queue", options)), begun).events).toEqual([]);
  });
  test("the limit does not apply to a later attempt in the queue", () => {
    const task = { name: "charge", input: null, options: { retry, ...options }, scheduled_at: T };
    const state = given(
      scheduled("local:gone", options),
      {
        kind: "activity_attempt_failed",
        activity: 1,
        name: "charge",
        attempt: 1,
        reason: "lost",
        failure: { message: "" },
        retry_at: T,
      },
      { kind: "activity_attempt_started", activity: 1, attempt: 2, where: "queue", task },
    );
    expect(decide(state, situation({ now: T + 60_000 })).events).toEqual([]);
  });
});
