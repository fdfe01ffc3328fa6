import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ActivityOptions, Decision, HistoryEvent, NewEvent } from "../protocol/history.ts";
import { isClosing, isStimulus } from "../protocol/history.ts";
import { type InboxMessage, inOrder } from "../protocol/messages.ts";
import { history, localOutcome, message, started, T } from "./histories.test-host.ts";
import { fold, type RunState, stateOf } from "./state.ts";
import { type Answer, draft, type Facts, type Placement, step } from "./step.ts";

const CODE = "hash";
const given = (events: readonly HistoryEvent[]): RunState => fold(stateOf(started()), events);
/** A run of which workflow code has been given everything. */
const run = (...events: NewEvent[]): RunState => {
  const state = given(events.map((e, i) => ({ ...e, id: i + 2, at: T }) as HistoryEvent));
  state.decided = state.lastStimulus;
  return state;
};
const factsOf = (over: Partial<Facts> = {}): Facts => ({
  now: T + 10,
  recordedAt: T + 12,
  session: "me",
  messages: [],
  nextArrival: null,
  inboxSize: over.messages?.length ?? 0,
  ending: false,
  replayed: true,
  bug: null,
  outcomes: [],
  isRunning: () => true,
  isDead: () => false,
  canRun: (name) => name !== "unknown",
  hasBegun: () => true,
  checkSignal: () => null,
  checkUpdate: () => null,
  ...over,
});
const nowhere: Placement = { slots: 0, runsHere: () => false };
const signal = (id: string): InboxMessage => ({ id, kind: "signal", name: "s", input: 1, sent_at: T, seq: 1 });
const options: ActivityOptions = {
  retry: { max_attempts: 3, first_ms: 1_000, factor: 2, max_ms: 60_000, non_retryable: [] },
};
const schedules = (activity: number, name = "charge"): Decision => ({
  kind: "activity_scheduled",
  activity,
  name,
  input: null,
  where: "queue",
  options,
});
const waits: Decision = { kind: "timer_started", timer: 1, fire_at: T * 2 };
const completes: Decision = { kind: "execution_completed", result: null };
const continues: Decision = { kind: "execution_continued", run: "next", workflow: "w", input: null };

/** One step, in which workflow code answers with what `code` makes of the draft's stimuli. */
function stepWith(
  state: RunState,
  facts: Facts,
  code: (lastStimulus: number) => Decision[] | Error,
  place: Placement = nowhere,
) {
  const drafted = draft(state, facts);
  const decided = drafted.stimuli?.at(-1)?.id ?? state.lastStimulus;
  return step(state, facts, drafted, drafted.stimuli && answerOf(decided, code(decided)), place);
}
const answerOf = (decided: number, made: Decision[] | Error): Answer =>
  made instanceof Error
    ? { bug: { type: made.name, message: made.message } }
    : { decided, decisions: made, code: CODE, flags: [] };
const never = () => {
  throw new Error("workflow code must not be asked");
};

describe("without workflow code", () => {
  test("a run that has nothing to record rests, and its code is not asked", () => {
    const nothing = { batch: null, taken: [], next: "rest", ending: false };
    expect(stepWith(run(), factsOf(), never)).toEqual(nothing);
  });

  test("a message that means nothing any more is deleted without a batch", () => {
    const facts = factsOf({ messages: [signal("m")] });
    const state = run({ kind: "signal_received", message: "m", name: "s", input: 1 });
    expect(stepWith(state, facts, never)).toEqual({ batch: null, taken: ["m"], next: "rest", ending: false });
  });

  test("such messages are deleted in as many steps as they need", () => {
    const state = run({ kind: "signal_received", message: "m", name: "s", input: 1 });
    const facts = factsOf({ messages: [signal("m")], inboxSize: 2 });
    expect(stepWith(state, facts, never)).toMatchObject({ batch: null, next: "again" });
  });

  test("outcomes are recorded while the code has a bug, which is noted once", () => {
    const bug = { type: "TypeError", message: "no" };
    const outcomes = [{ activity: 1, attempt: 1, outcome: { kind: "completed" as const, result: 7 }, at: T }];
    const activity: NewEvent = { ...(schedules(1) as NewEvent & { where: string }), where: "local:me" } as NewEvent;
    const facts = factsOf({ replayed: false, bug, outcomes });
    const { batch, next } = stepWith(run(activity), facts, never);
    expect(batch).toMatchObject({
      first: 3,
      events: [
        { kind: "activity_completed", id: 3, at: T + 12 },
        { kind: "workflow_task_failed", id: 4, failure: bug, fingerprint: "TypeError: no" },
      ],
    });
    expect(next).toBe("again");
    const noted: NewEvent = { kind: "workflow_task_failed", failure: bug, fingerprint: "TypeError: no" };
    expect(stepWith(run(noted), factsOf({ replayed: false, bug }), never)).toMatchObject({ batch: null, next: "rest" });
  });

  test("EXEC-6: a bug whose text differs at each try, each half hour for a year, fills no history", () => {
    const state = run();
    const HALF_HOUR = 1_800_000;
    let recorded = 0;
    for (let i = 0; i < 365 * 48; i++) {
      const now = T + i * HALF_HOUR;
      const bug = { type: "Error", message: `request ${i} failed` };
      const { batch } = stepWith(state, factsOf({ now, recordedAt: now, replayed: false, bug }), never);
      if (batch) fold(state, batch.events);
      recorded += batch?.events.length ?? 0;
    }
    expect(recorded).toBeGreaterThan(365);
    expect(recorded).toBeLessThan(390);
    // After a decision bugs are recorded at once again, those that were known too.
    const now = T + 400 * 48 * HALF_HOUR;
    fold(state, [{ kind: "quarantine_ended", id: state.tail + 1, at: now, decided: 1 } as HistoryEvent]);
    for (const message of ["request 0 failed", "two"]) {
      const facts = factsOf({ now, recordedAt: now, replayed: false, bug: { type: "Error", message } });
      const { batch } = stepWith(state, facts, never);
      expect(batch?.events).toHaveLength(1);
      fold(state, batch!.events);
    }
  });
});

describe("with workflow code", () => {
  test("stimuli and decisions are one batch; its last event says what was decided, and by which code", () => {
    const facts = factsOf({ messages: [signal("m")] });
    expect(stepWith(run(), facts, () => [schedules(1)])).toEqual({
      batch: {
        first: 2,
        events: [
          { kind: "signal_received", id: 2, at: T + 12, message: "m", name: "s", input: 1 },
          { ...schedules(1), id: 3, at: T + 12, decided: 2, code: CODE },
        ],
      },
      taken: ["m"],
      next: "again",
      ending: false,
    });
  });

  test("the code's hash is recorded only where it changes", () => {
    const state = run();
    state.code = CODE;
    const { batch } = stepWith(state, factsOf({ messages: [signal("m")] }), () => []);
    expect(batch!.events).toEqual([expect.objectContaining({ decided: 2 })]);
    expect(batch!.events[0]).not.toHaveProperty("code");
  });

  test("stimuli that are recorded and not decided are given to the code again, with no new event", () => {
    const state = run();
    state.decided = 0;
    expect(draft(state, factsOf()).stimuli).toEqual([]);
    expect(draft(state, factsOf({ replayed: false })).stimuli).toBeNull();
    expect(draft(run(), factsOf()).stimuli).toBeNull();
  });

  test("events are never recorded before those of the log, though the worker's time is behind", () => {
    const state = run();
    state.at = T + 500;
    const { batch } = stepWith(state, factsOf({ messages: [signal("m")] }), () => [schedules(1)]);
    expect(batch!.events.map((e) => e.at)).toEqual([T + 500, T + 500]);
  });

  test("activities run here while slots are left, others and those that this worker lacks go through the queue", () => {
    const state = run();
    state.decided = 0;
    const code = () => [schedules(1, "unknown"), schedules(2), schedules(3), schedules(4)];
    const { batch } = stepWith(state, factsOf(), code, { slots: 2, runsHere: () => false });
    expect(batch!.events.map((e) => e.kind === "activity_scheduled" && e.where)).toEqual([
      "queue",
      "local:me",
      "local:me",
      "queue",
    ]);
  });

  test("a cancel request names this worker if an attempt of the activity runs here", () => {
    const state = run();
    state.decided = 0;
    const cancel = (activity: number): Decision => ({ kind: "activity_cancel_requested", activity });
    const place: Placement = { slots: 0, runsHere: (activity) => activity === 1 };
    const { batch } = stepWith(state, factsOf(), () => [cancel(1), cancel(2)], place);
    expect(batch!.events[0]).toMatchObject({ where: "local:me" });
    expect(batch!.events[1]).not.toHaveProperty("where");
  });

  test("a bug leaves the messages in the inbox, and takes the run out of its end", () => {
    const facts = factsOf({ messages: [signal("m")], ending: true });
    const made = stepWith(run(), facts, () => new TypeError("no"));
    expect(made).toMatchObject({ taken: [], next: "again", ending: false });
    expect(made.batch!.events).toMatchObject([{ kind: "workflow_task_failed", id: 2 }]);
  });

  test("a bug on which the code stopped leaves what was due after its messages to the next try as well", () => {
    const due = (timer: number, at: number): NewEvent => ({ kind: "timer_started", timer, fire_at: at });
    const facts = factsOf({ messages: [{ ...signal("m"), sent_at: T + 5 }] });
    const { batch } = stepWith(run(due(1, T + 5), due(2, T + 6)), facts, () => new TypeError("no"));
    expect(batch!.events).toMatchObject([{ kind: "timer_fired", timer: 1 }, { kind: "workflow_task_failed" }]);
  });

  test("events are never recorded before the arrival of their messages, though the worker's time is behind", () => {
    const facts = factsOf({ messages: [{ ...signal("m"), sent_at: T + 900 }] });
    expect(stepWith(run(), facts, () => []).batch!.events[0]!.at).toBe(T + 900);
  });

  test("a run that continues as new leaves the messages that it has not seen to the next run", () => {
    const facts = factsOf({ messages: [signal("a"), signal("b"), signal("c")] });
    const drafted = draft(run(), facts);
    const made = step(run(), facts, drafted, { decided: 2, decisions: [continues], code: CODE, flags: [] }, nowhere);
    expect(made.taken).toEqual(["a"]);
    expect(made.batch!.events).toMatchObject([
      { message: "a", id: 2 },
      { kind: "execution_continued", id: 3, decided: 2 },
    ]);
    expect(drafted.taken).toEqual(["a", "b", "c"]);
  });

  test("DECIDE-8: a run that continues as new leaves a further request to cancel to the next run", () => {
    const asked = run({ kind: "cancel_requested", message: "a", reason: null });
    const again = { id: "b", kind: "cancel", reason: null, sent_at: T, seq: 1 } as const;
    const facts = factsOf({ messages: [signal("m"), again], inboxSize: 2 });
    expect(stepWith(asked, facts, () => [continues]).taken).toEqual(["m"]);
    expect(stepWith(asked, facts, () => [waits]).taken).toEqual(["m", "b"]);
  });
});

describe("a run that ends at some of its messages while others wait", () => {
  const facts = factsOf({ messages: [signal("a")], inboxSize: 2 });

  test("is undone, records the others without its code, and ends when none are left", () => {
    const undone = stepWith(run(), facts, () => [completes]);
    expect(undone).toEqual({ batch: null, taken: [], next: "replay", ending: true });
    const gathered = stepWith(run(), { ...facts, ending: true }, never);
    expect(gathered).toMatchObject({ taken: ["a"], next: "replay", ending: true });
    expect(gathered.batch!.events.map((e) => [e.kind, e.decided])).toEqual([["signal_received", undefined]]);
    const last = factsOf({ messages: [signal("b")], ending: true });
    const ended = stepWith(run(), last, () => [completes]);
    expect(ended).toMatchObject({ taken: ["b"], next: "again", ending: false });
    expect(ended.batch!.events.at(-1)).toMatchObject({ kind: "execution_completed", decided: 2 });
  });

  test("is not undone if it continues as new", () => {
    expect(stepWith(run(), facts, () => [continues])).toMatchObject({ taken: ["a"], next: "again", ending: false });
  });
});

describe("for any history, messages, outcomes and code", () => {
  const decision = fc.oneof(
    fc.constantFrom("charge", "unknown").map((name) => schedules(9, name)),
    fc.constant<Decision>({ kind: "timer_started", timer: 9, fire_at: T }),
    fc.constant<Decision>({ kind: "activity_cancel_requested", activity: 1 }),
    fc.constantFrom(completes, continues),
  );
  const inputs = fc.record({
    events: history(),
    now: fc.integer({ min: T, max: T + 400_000 }),
    messages: fc.array(message, { maxLength: 8 }),
    beyond: fc.constantFrom(0, 3),
    outcomes: fc.array(localOutcome, { maxLength: 4 }),
    ending: fc.boolean(),
    replayed: fc.boolean(),
    slots: fc.integer({ min: 0, max: 2 }),
    made: fc.oneof(fc.array(decision, { maxLength: 4 }), fc.constant(new TypeError("no"))),
    /** How many of the stimuli a run that continues as new has seen. */
    seen: fc.nat({ max: 3 }),
  });
  type Inputs = typeof inputs extends fc.Arbitrary<infer T> ? T : never;

  function stepOf(i: Inputs) {
    const state = given(i.events);
    const facts = factsOf({ ...i, recordedAt: i.now, inboxSize: i.messages.length + i.beyond });
    const drafted = draft(state, facts);
    const made = i.made instanceof Error ? i.made : closedLast(i.made);
    const stimuli = drafted.stimuli ?? [];
    const seen = Array.isArray(made) && made.at(-1)?.kind === "execution_continued" ? i.seen : stimuli.length;
    const decided = stimuli[Math.min(seen, stimuli.length) - 1]?.id ?? state.lastStimulus;
    const answer = drafted.stimuli && answerOf(decided, made);
    const place: Placement = { slots: i.slots, runsHere: () => true };
    return { state, facts, drafted, answer, place, result: step(state, facts, drafted, answer, place) };
  }
  /** Code decides nothing after a closing decision. */
  function closedLast(decisions: Decision[]): Decision[] {
    const at = decisions.findIndex((d) => isClosing(d));
    return at < 0 ? decisions : decisions.slice(0, at + 1);
  }

  test("a step changes none of its inputs, and makes the same of them again", () => {
    fc.assert(
      fc.property(inputs, (i) => {
        const { state, facts, drafted, answer, place, result } = stepOf(i);
        expect(state).toEqual(given(i.events));
        expect(draft(state, facts)).toEqual(drafted);
        expect(step(state, facts, drafted, answer, place)).toEqual(result);
      }),
    );
  });

  test("a batch continues the log, folds, and only its last event says what was decided", () => {
    fc.assert(
      fc.property(inputs, (i) => {
        const { state, answer, result } = stepOf(i);
        if (!result.batch) return;
        const { first, events } = result.batch;
        expect(first).toBe(state.tail + 1);
        expect(events.map((e) => e.id)).toEqual(events.map((_, n) => first + n));
        expect(events.every((e) => e.at >= state.at)).toBe(true);
        expect(events.slice(0, -1).some((e) => e.decided !== undefined)).toBe(false);
        expect(events.at(-1)!.decided !== undefined).toBe(answer !== null && "decided" in answer);
        if (events.some(isClosing)) expect(fold(given(i.events), events).closed).not.toBeNull();
      }),
    );
  });

  test("a message is deleted if and only if the log has it, or it means nothing any more", () => {
    fc.assert(
      fc.property(inputs, (i) => {
        const { drafted, result } = stepOf(i);
        const named = (events: readonly HistoryEvent[]) =>
          new Set(events.flatMap((e) => ("message" in e && drafted.taken.includes(e.message) ? [e.message] : [])));
        const recorded = named(result.batch?.events ?? []);
        for (const id of named(drafted.events)) expect(result.taken.includes(id)).toBe(recorded.has(id));
        for (const id of recorded) expect(result.taken).toContain(id);
        expect(new Set(result.taken).size).toBe(result.taken.length);
      }),
    );
  });

  test("no more attempts begin here than there are slots, and none of an activity that the worker lacks", () => {
    fc.assert(
      fc.property(inputs, (i) => {
        const { result } = stepOf(i);
        const here = (result.batch?.events ?? []).flatMap((e) =>
          e.kind === "activity_scheduled" && e.where === "local:me" ? [e.name] : [],
        );
        expect(here.length).toBeLessThanOrEqual(i.slots);
        expect(here).not.toContain("unknown");
      }),
    );
  });

  test("workflow code that cannot be asked decides nothing, and a bug takes in no message", () => {
    fc.assert(
      fc.property(inputs, (i) => {
        const { drafted, result } = stepOf(i);
        if (!i.replayed) expect(drafted.stimuli).toBeNull();
        if (drafted.stimuli === null || !(i.made instanceof Error)) return;
        expect(result.taken).toEqual([]);
        expect(result.batch?.events.filter((e) => "message" in e) ?? []).toEqual([]);
      }),
    );
  });

  test("steps that take in one message each come to rest, with every message in the log once", () => {
    const ids = fc.uniqueArray(fc.constantFrom<string>("a", "b", "c", "d", "e"));
    fc.assert(
      fc.property(ids, fc.boolean(), (sent, ends) => {
        let state = stateOf(started());
        const inbox = new Map(sent.map((id) => [id, signal(id)]));
        let ending = false;
        let steps = 0;
        const log: HistoryEvent[] = [];
        for (let next = "again"; next !== "rest" && state.closed === null; steps++) {
          expect(steps).toBeLessThan(20);
          const messages = [...inbox.values()].sort(inOrder).slice(0, 1);
          const facts = factsOf({ messages, inboxSize: inbox.size, ending });
          const code = (last: number) => (last === 1 ? [waits] : ends ? [completes] : []);
          const made = stepWith(state, facts, code);
          if (made.batch) log.push(...made.batch.events);
          state = given(log);
          for (const id of made.taken) inbox.delete(id);
          ({ next, ending } = made);
        }
        const taken = log.flatMap((e) => (e.kind === "signal_received" ? [e.message] : []));
        expect(taken.toSorted()).toEqual(sent.toSorted());
        expect(state.closed).toBe(ends && sent.length > 0 ? "COMPLETED" : null);
        expect(state.decided === state.lastStimulus || state.closed !== null).toBe(true);
        expect(log.filter(isStimulus)).toHaveLength(sent.length);
      }),
    );
  });
});
