import { describe, expect, test } from "vitest";
import type { ActivityOptions, HistoryEvent, NewEvent, Started } from "../protocol/history.ts";
import { RECORDED_REFUSALS } from "../protocol/limits.ts";
import type { InboxMessage } from "../protocol/messages.ts";
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
  nextArrival: null,
  outcomes: [],
  isRunning: () => true,
  isDead: () => false,
  canRun: () => true,
  hasBegun: () => false,
  checkSignal: () => null,
  checkUpdate: () => null,
  ...over,
});
const signal = (id: string): InboxMessage => ({ id, kind: "signal", name: "s", input: 1, sent_at: T, seq: 1 });

describe("messages", () => {
  test("a message that the inbox answers twice is taken in once", () => {
    const step = decide(given(), situation({ messages: [signal("m"), signal("n"), signal("m")] }));
    expect(step.events).toMatchObject([
      { kind: "signal_received", message: "m" },
      { kind: "signal_received", message: "n" },
    ]);
    expect(new Set(step.taken)).toEqual(new Set(["m", "n"]));
  });

  test("DECIDE-8: further requests to cancel are taken without an event, also within one step", () => {
    const cancel = (id: string): InboxMessage => ({ id, kind: "cancel", reason: id, sent_at: T, seq: 1 });
    const first = decide(given(), situation({ messages: [cancel("a"), cancel("b")] }));
    expect(first.events).toMatchObject([{ kind: "cancel_requested", message: "a" }]);
    const asked = given({ kind: "cancel_requested", message: "a", reason: null });
    const later = decide(asked, situation({ messages: [cancel("c"), signal("m"), cancel("d")] }));
    expect(later.events).toMatchObject([{ kind: "signal_received", message: "m" }]);
    expect(later).toMatchObject({ taken: ["c", "m", "d"], repeats: ["c", "d"] });
  });

  test("DECIDE-9: a run records its first refused updates, and later ones leave no event", () => {
    const update = (id: string, name: string): InboxMessage => ({
      id,
      kind: "update",
      name,
      input: 1,
      sent_at: T,
      seq: 1,
    });
    const failure = { message: "n".repeat(5_000), stack: "s", details: [1], cause: { message: "why" } };
    const checkUpdate = (name: string) => (name === "no" ? { status: 422, failure } : null);
    const rejected = (message: string): NewEvent => ({
      kind: "update_rejected",
      message,
      name: "no",
      status: 422,
      failure,
    });
    const state = given(...Array.from({ length: RECORDED_REFUSALS - 1 }, (_, i) => rejected(`r${i}`)));
    const messages = [update("a", "no"), update("b", "no"), update("c", "yes"), update("d", "no")];
    const step = decide(state, situation({ messages, checkUpdate }));
    expect(step.events).toMatchObject([
      { kind: "update_rejected", message: "a", failure },
      { kind: "update_accepted", message: "c" },
    ]);
    const short = { message: `${"n".repeat(2_000)}…`, details: [1] };
    expect(step.refused).toEqual(["b", "d"].map((id) => ({ id, status: 422, failure: short })));
    expect(step.taken).toEqual(["a", "b", "c", "d"]);
    const large = decide(given(...Array.from({ length: RECORDED_REFUSALS }, (_, i) => rejected(`r${i}`))), {
      ...situation({ messages: [update("e", "no")] }),
      checkUpdate: () => ({ status: 422, failure: { ...failure, details: "x".repeat(10_000) } }),
    });
    expect(large.refused[0]!.failure).toEqual({ message: short.message });
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
    const told = (id: string): InboxMessage => ({
      id,
      kind: "child",
      run: "run",
      child: 1,
      outcome: { kind: "completed", result: 1 },
      sent_at: T,
      seq: 1,
    });
    expect(decide(state, situation({ messages: [told("a"), told("b")] })).events).toHaveLength(1);
  });

  test("an outcome of something that the log does not know yet stays in the inbox", () => {
    const outcome = { kind: "completed" as const, result: 1 };
    const messages: InboxMessage[] = [
      { id: "a", kind: "activity", run: "run", activity: 2, attempt: 1, outcome, sent_at: T, seq: 1 },
      { id: "b", kind: "activity", run: "run", activity: 1, attempt: 2, outcome, sent_at: T, seq: 1 }, // still local in this log
      { id: "c", kind: "child", run: "run", child: 1, outcome, sent_at: T, seq: 1 },
    ];
    expect(decide(given(scheduled("local:me")), situation({ messages }))).toEqual({
      events: [],
      taken: [],
      repeats: [],
      refused: [],
    });
  });

  test("an outcome for another run, or for nothing open, is in `taken` without an event", () => {
    const outcome = (run: string, activity: number): InboxMessage => ({
      id: `${run}${activity}`,
      kind: "activity",
      run,
      activity,
      attempt: 1,
      outcome: { kind: "completed", result: 1 },
      sent_at: T,
      seq: 1,
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
    const outcomes = [{ activity: 1, attempt: 1, outcome: { kind: "completed" as const, result: 1 }, at: T }];
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
      at: T,
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

describe("what happened while no worker looked is told in the order of its times", () => {
  const timer = (number: number, after: number): NewEvent => ({
    kind: "timer_started",
    timer: number,
    fire_at: T + after,
  });
  const sent = (id: string, after: number, seq: number) => ({ ...signal(id), sent_at: T + after, seq });
  const told = (state: ReturnType<typeof given>, over: Partial<Situation>) =>
    decide(state, situation({ now: T + 3_600_000, ...over })).events.map((e) => {
      if (e.kind === "timer_fired") return `timer ${e.timer}`;
      return "message" in e ? e.message : `${e.kind} ${"reason" in e ? e.reason : ""}`.trim();
    });

  test("a timer that was due at or before the arrival of a message comes first, a later one after it", () => {
    const state = given(timer(1, 30), timer(2, 20), timer(3, 10));
    const messages = [sent("a", 5, 1), sent("b", 20, 2)];
    expect(told(state, { messages })).toEqual(["a", "timer 3", "timer 2", "b", "timer 1"]);
  });

  test("messages keep the order of their numbers when a clock is set back, and count as no earlier than those before", () => {
    const state = given(timer(1, 30));
    const messages = [sent("a", 40, 1), sent("set back", 10, 2)];
    expect(told(state, { messages })).toEqual(["timer 1", "a", "set back"]);
  });

  test("a message of a server whose clock is ahead of the worker's shows that a timer is due", () => {
    const state = given(timer(1, 30));
    expect(told(state, { now: T + 10, messages: [sent("a", 40, 1)] })).toEqual(["timer 1", "a"]);
    expect(told(state, { now: T + 10, messages: [sent("a", 20, 1)] })).toEqual(["a"]);
  });

  test("the limit on the wait in a queue counts by the worker's time, at which it asked which activities have begun", () => {
    const state = given(scheduled("queue", { schedule_to_start_ms: 30 }));
    expect(told(state, { now: T + 10, messages: [sent("a", 40, 1)] })).toEqual(["a"]);
    expect(told(state, { now: T + 30, messages: [sent("a", 40, 1)] })).toEqual([
      "activity_failed schedule_to_start",
      "a",
    ]);
  });

  test("outcomes of local work lie between timers and messages by the time at which the attempt ended", () => {
    const state = given(scheduled("local:me"), timer(1, 30), timer(2, 50));
    const outcomes = [{ activity: 1, attempt: 1, outcome: { kind: "completed" as const, result: 1 }, at: T + 40 }];
    const messages = [sent("a", 35, 1), sent("b", 45, 2)];
    expect(told(state, { outcomes, messages })).toEqual(["timer 1", "a", "activity_completed", "b", "timer 2"]);
  });

  test("a time limit that passed before the outcome was sent wins, one that passed after it does not", () => {
    const state = given(scheduled("queue", { schedule_to_close_ms: 30 }));
    const outcome = (after: number): InboxMessage => ({
      id: "outcome",
      kind: "activity",
      run: "run",
      activity: 1,
      attempt: 1,
      outcome: { kind: "completed", result: 1 },
      sent_at: T + after,
      seq: 1,
    });
    expect(told(state, { messages: [outcome(40)] })).toEqual(["activity_failed schedule_to_close"]);
    expect(told(state, { messages: [outcome(20)] })).toEqual(["activity_completed"]);
  });

  test("what is due after the arrival of a message that waits for a later step waits with it", () => {
    const state = given(timer(1, 10), timer(2, 30), scheduled("queue", { schedule_to_close_ms: 40 }));
    expect(told(state, { messages: [sent("a", 5, 1)], nextArrival: T + 20 })).toEqual(["a", "timer 1"]);
    expect(told(state, { nextArrival: T + 30 })).toEqual(["timer 1", "timer 2"]);
  });
});
