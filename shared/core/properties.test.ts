import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HistoryEvent } from "../protocol/history.ts";
import { PUBLIC_EVENT_TYPES, PublicEvent } from "../protocol/http/event-types.ts";
import { decide, type Situation } from "./decide.ts";
import { dueAt } from "./due.ts";
import { childrenOutbox, effectsOf, openEffects } from "./effects.ts";
import {
  closing,
  event,
  failure,
  history,
  localOutcome,
  message,
  options,
  placed,
  RUN,
  session,
  started,
  T,
} from "./histories.test-host.ts";
import { eventId, present, presentBegin, presentRetry, type RunContext } from "./present.ts";
import { afterFailure } from "./retry.ts";
import { fold, type RunState, sessionOf, stateOf } from "./state.ts";
import { draft, isAtRest } from "./step.ts";

fc.configureGlobal({ numRuns: 400 });

const given = (events: readonly HistoryEvent[]): RunState => fold(stateOf(started()), events);
const situation = (over: Partial<Situation> = {}): Situation => ({
  now: T + 100_000,
  session: "me",
  messages: [],
  nextArrival: null,
  outcomes: [],
  isRunning: () => true,
  isDead: () => false,
  canRun: () => true,
  hasBegun: () => true,
  checkSignal: (name) => (name === "a" ? "no such signal" : null),
  checkUpdate: (name) => (name === "a" ? { status: 404, failure: { message: "no such update" } } : null),
  ...over,
});
const situations = fc.record({
  now: fc.integer({ min: T, max: T + 400_000 }),
  messages: fc.array(message, { maxLength: 8 }),
  outcomes: fc.array(localOutcome, { maxLength: 4 }),
});
const append = (state: RunState, events: ReturnType<typeof decide>["events"], now: number): RunState =>
  fold(
    state,
    events.map((e, i) => ({ ...e, id: state.tail + 1 + i, at: Math.max(now, state.at) }) as HistoryEvent),
  );

describe("fold", () => {
  test("takes any history, in one go or piece by piece, to the same state", () => {
    fc.assert(
      fc.property(history(), closing, fc.nat(), (events, last, cut) => {
        const all = [...events, { ...last, id: events.length + 2, at: T + 1e9 } as HistoryEvent];
        const before = JSON.stringify(all);
        const whole = given(all);
        const at = cut % (all.length + 1);
        expect(fold(given(all.slice(0, at)), all.slice(at))).toEqual(whole);
        expect(whole.tail).toBe(all.length + 1);
        expect(whole.closed).not.toBeNull();
        expect(JSON.stringify(all)).toBe(before);
      }),
    );
  });

  test("holds exactly the activities, timers and children that are open", () => {
    fc.assert(
      fc.property(history(), (events) => {
        const open = { activities: new Set<number>(), timers: new Set<number>(), children: new Set<number>() };
        for (const e of events) {
          if (e.kind === "activity_scheduled") open.activities.add(e.activity);
          if (e.kind === "activity_completed" || e.kind === "activity_failed") open.activities.delete(e.activity);
          if (e.kind === "timer_started") open.timers.add(e.timer);
          if (e.kind === "timer_fired" || e.kind === "timer_cancelled") open.timers.delete(e.timer);
          if (e.kind === "child_scheduled") open.children.add(e.child);
          if (e.kind === "child_completed" || e.kind === "child_failed") open.children.delete(e.child);
        }
        const state = given(events);
        expect(new Set(state.activities.keys())).toEqual(open.activities);
        expect(new Set(state.timers.keys())).toEqual(open.timers);
        expect(new Set(state.children.keys())).toEqual(open.children);
      }),
    );
  });
});

describe("decide", () => {
  test("is a function of its arguments, and changes none of them", () => {
    fc.assert(
      fc.property(history(), situations, (events, s) => {
        const state = given(events);
        const before = structuredClone(state);
        const one = decide(state, situation(s));
        expect(state).toEqual(before);
        expect(decide(given(events), situation(s))).toEqual(one);
      }),
    );
  });

  test("records nothing twice when it gets the same messages and outcomes again", () => {
    fc.assert(
      fc.property(history(), situations, (events, s) => {
        const state = given(events);
        // No attempt ends that has not begun.
        const begun = s.outcomes.filter(
          ({ activity, attempt }) => attempt <= (state.activities.get(activity)?.attempt ?? 0),
        );
        const same = { ...s, outcomes: begun };
        append(state, decide(state, situation(same)).events, s.now);
        const again = decide(state, situation(same)).events;
        // A retry without a wait may begin; then no event follows.
        expect(again.filter((e) => e.kind !== "activity_attempt_started")).toEqual([]);
        append(state, again, s.now);
        expect(decide(state, situation(same)).events).toEqual([]);
      }),
    );
  });

  test("takes each message in at most once, and none that an earlier step took in", () => {
    fc.assert(
      fc.property(history(), situations, (events, s) => {
        const state = given(events);
        const step = decide(state, situation(s));
        const named = step.events.flatMap((e) => ("message" in e ? [e.message] : []));
        expect(new Set(named).size).toBe(named.length);
        for (const id of named) {
          expect(state.taken.has(id)).toBe(false);
          expect(step.taken).toContain(id);
        }
        expect(new Set(step.taken).size).toBe(step.taken.length);
      }),
    );
  });

  test("ends nothing that is not open, and nothing twice", () => {
    fc.assert(
      fc.property(history(), situations, fc.boolean(), fc.boolean(), (events, s, alive, dead) => {
        const state = given(events);
        const step = decide(
          state,
          situation({ ...s, isRunning: () => alive, isDead: () => dead, hasBegun: () => dead }),
        );
        const ended = new Set<string>();
        const end = (what: string, open: boolean) => {
          expect(open && !ended.has(what), what).toBe(true);
          ended.add(what);
        };
        for (const e of step.events) {
          if (e.kind === "activity_completed" || e.kind === "activity_failed" || e.kind === "activity_attempt_failed") {
            end(`activity ${e.activity}`, state.activities.has(e.activity));
          }
          if (e.kind === "timer_fired") end(`timer ${e.timer}`, state.timers.has(e.timer));
          if (e.kind === "child_completed" || e.kind === "child_failed")
            end(`child ${e.child}`, state.children.has(e.child));
        }
      }),
    );
  });

  test("leaves attempts alone that run in live sessions or here", () => {
    fc.assert(
      fc.property(history(), fc.integer({ min: T, max: T + 1e9 }), (events, now) => {
        const state = given(events);
        const lost = decide(state, situation({ now })).events.filter(
          (e) => e.kind === "activity_attempt_failed" && e.reason === "lost",
        );
        expect(lost).toEqual([]);
      }),
    );
  });

  test("records nothing for a closed run", () => {
    fc.assert(
      fc.property(history(), closing, situations, (events, last, s) => {
        const state = given(placed([...events, last], [0]));
        expect(decide(state, situation(s))).toEqual({ events: [], taken: [], repeats: [], refused: [] });
      }),
    );
  });
});

describe("isAtRest", () => {
  test("says yes only where a step would find nothing, and often", () => {
    let rests = 0;
    fc.assert(
      fc.property(history(), fc.boolean(), fc.boolean(), (events, isCaughtUp, runs) => {
        const state = given(events);
        if (isCaughtUp) state.decided = state.lastStimulus;
        const at = situation({ now: T + 1e10, isRunning: () => runs, isDead: () => true });
        if (!isAtRest(state, at)) return;
        rests += 1;
        const facts = { ...at, recordedAt: at.now, inboxSize: 0, ending: false, replayed: true, bug: null };
        expect(draft(state, facts)).toMatchObject({ events: [], taken: [], refused: [], stimuli: null, more: false });
      }),
    );
    expect(rests).toBeGreaterThan(20);
  });

  test("says yes of what most steps leave: an attempt that runs here, and one in the queue", () => {
    const scheduled = (activity: number, where: "queue" | `local:${string}`): HistoryEvent => ({
      kind: "activity_scheduled",
      id: activity + 1,
      at: T,
      decided: 1,
      activity,
      name: "a",
      input: null,
      where,
      options: { retry: { max_attempts: 1, first_ms: 1, factor: 1, max_ms: 1, non_retryable: [] } },
    });
    const state = given([scheduled(1, "local:me"), scheduled(2, "queue")]);
    expect(isAtRest(state, situation())).toBe(true);
    expect(isAtRest(state, situation({ isRunning: () => false }))).toBe(false);
    expect(isAtRest(state, situation({ session: "other" }))).toBe(false);
  });
});

describe("dueAt", () => {
  const outlook = (now: number) => ({ now, session: "me", broken: false, nextArrival: null, diesAt: () => null });

  test("covers every timer, retry and limit, and every local activity", () => {
    fc.assert(
      fc.property(history(), fc.integer({ min: T, max: T + 400_000 }), (events, now) => {
        const state = given(events);
        const due = dueAt(state, outlook(now)) ?? Number.POSITIVE_INFINITY;
        for (const at of state.timers.values()) expect(due).toBeLessThanOrEqual(at);
        for (const open of state.activities.values()) {
          const { schedule_to_close_ms: limit } = open.options;
          if (limit !== undefined) expect(due).toBeLessThanOrEqual(open.scheduledAt + limit);
          if (sessionOf(open.where) === null) continue;
          if (open.retryAt !== null) expect(due).toBeLessThanOrEqual(open.retryAt);
          else if (open.startedAt !== null) expect(due).toBeLessThanOrEqual(now + 600_000);
        }
      }),
    );
  });

  test("before that time no worker would record anything", () => {
    fc.assert(
      fc.property(
        history(),
        fc.nat({ max: 400_000 }),
        fc.nat({ max: 1_000_000 }),
        session,
        (events, wait, later, who) => {
          const state = given(events);
          const now = T + wait;
          // Record first everything that is overdue now.
          append(state, decide(state, situation({ now, hasBegun: () => false })).events, now);
          append(state, decide(state, situation({ now, hasBegun: () => false })).events, now);
          const due = dueAt(state, outlook(now));
          const at = due === null ? now + later * 1_000 : Math.min(due - 1, now + later);
          if (at < now) return; // due at once
          expect(decide(state, situation({ now: at, session: who, hasBegun: () => false })).events).toEqual([]);
        },
      ),
    );
  });

  test("is not later than the deadline, and null for a closed run", () => {
    fc.assert(
      fc.property(history(), closing, (events, last) => {
        const limited = fold(stateOf(started({ deadline: T + 5 })), events);
        expect(dueAt(limited, outlook(T))).toBeLessThanOrEqual(T + 5);
        expect(dueAt(given(placed([...events, last], [0])), outlook(T))).toBeNull();
      }),
    );
  });

  test("is just after the death of another session", () => {
    fc.assert(
      fc.property(fc.integer({ min: T, max: T + 50_000 }), (dies) => {
        const local = {
          kind: "activity_scheduled",
          activity: 1,
          name: "a",
          input: null,
          where: "local:other",
        } as const;
        const retry = { max_attempts: 0, first_ms: 1, factor: 1, max_ms: 1, non_retryable: [] };
        const state = given(placed([{ ...local, options: { retry } }], [0]));
        expect(dueAt(state, { ...outlook(T), diesAt: () => dies })).toBe(dies + 1);
      }),
    );
  });
});

describe("afterFailure", () => {
  const failed = fc.record({
    options,
    attempt: fc.integer({ min: 1, max: 2_000 }),
    scheduledAt: fc.integer({ min: T - 100_000, max: T }),
    cancelRequested: fc.boolean(),
    reason: fc.constantFrom("failed" as const, "lost" as const, "heartbeat" as const, "start_to_close" as const),
    failure,
    now: fc.constant(T),
  });

  test("waits at least as long as the failure asks for, and no longer than policy and failure allow", () => {
    fc.assert(
      fc.property(failed, (a) => {
        const next = afterFailure(a);
        if (next.kind === "final") return;
        const { retry, schedule_to_close_ms: limit } = a.options;
        const wait = next.at - a.now;
        expect(Number.isInteger(next.at)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(a.reason === "lost" ? 0 : (a.failure.retry_after_ms ?? 0));
        expect(wait).toBeLessThanOrEqual(Math.max(retry.max_ms, a.failure.retry_after_ms ?? 0));
        if (limit !== undefined) expect(next.at).toBeLessThan(a.scheduledAt + limit);
        if (retry.max_attempts > 0) expect(a.attempt).toBeLessThan(retry.max_attempts);
        expect(a.cancelRequested || a.failure.non_retryable === true).toBe(false);
        expect(retry.non_retryable).not.toContain(a.failure.type);
      }),
    );
  });

  test("waits grow from attempt to attempt, and the first is `first_ms`", () => {
    fc.assert(
      fc.property(failed, (a) => {
        const plain = { ...a, failure: { message: "m" }, reason: "failed" as const, cancelRequested: false };
        const wait = (attempt: number) => {
          const unlimited = { retry: { ...a.options.retry, max_attempts: 0 } };
          const next = afterFailure({ ...plain, options: unlimited, attempt });
          return next.kind === "retry" ? next.at - a.now : Number.NaN;
        };
        expect(wait(1)).toBe(Math.min(a.options.retry.first_ms, a.options.retry.max_ms));
        expect(wait(a.attempt + 1)).toBeGreaterThanOrEqual(wait(a.attempt));
      }),
    );
  });
});

describe("effects", () => {
  const of = { execution: "x", workflow: "orders", run: RUN, chain: "chain" };

  test("of a batch follow from the batch alone, and different effects have different keys", () => {
    fc.assert(
      fc.property(history(), (events) => {
        const one = effectsOf(of, { events });
        expect(effectsOf(of, { events })).toEqual(one);
        const keys = one.flatMap((e) => (e.kind === "queue_activity" ? [e.key] : []));
        const attempts = one.flatMap((e) =>
          e.kind === "queue_activity" ? [`${e.task.activity}/${e.task.first_attempt}`] : [],
        );
        expect(new Set(keys).size).toBe(new Set(attempts).size);
        for (const other of effectsOf({ ...of, run: "other" }, { events })) {
          if (other.kind === "queue_activity") expect(keys).not.toContain(other.key);
        }
      }),
    );
  });

  test("the open ones are the effects of the batches, in order, without the answered ones", () => {
    fc.assert(
      fc.property(history(), fc.nat(), (events, cut) => {
        const at = cut % (events.length + 1);
        const batches = [{ events: events.slice(0, at) }, { events: events.slice(at) }];
        const all = batches.flatMap((b) => effectsOf(of, b));
        const open = openEffects(of, batches);
        expect(all.filter((e) => open.some((o) => JSON.stringify(o) === JSON.stringify(e)))).toEqual(open);
        const answered = new Set(
          events.flatMap((e) => (e.kind === "child_completed" || e.kind === "child_failed" ? [e.child] : [])),
        );
        const left = open.flatMap((e) => (e.kind === "start_child" ? [e.event.child] : []));
        const asked = all.flatMap((e) => (e.kind === "start_child" ? [e.event.child] : []));
        expect(left).toEqual(asked.filter((n) => !answered.has(n)));
      }),
    );
  });

  test("of a close end each open child by its policy, and no other", () => {
    fc.assert(
      fc.property(history(), (events) => {
        const state = given(events);
        const outbox = childrenOutbox(state);
        const wanted = [...state.children].filter(([, c]) => c.onParentClose !== "abandon");
        expect(outbox.map((o) => ("child" in o ? o.child : null))).toEqual(wanted.map(([n]) => n));
        for (const o of outbox) {
          const child = "child" in o ? state.children.get(o.child) : undefined;
          expect(o.kind).toBe(`${child?.onParentClose}_child`);
        }
      }),
    );
  });
});

describe("present", () => {
  const context: RunContext = {
    execution: "x",
    workflow: "orders",
    run: RUN,
    display_name: null,
    root_chain: "01a3185c-5000-7c32-be49-9700674d54a0",
    root: "x",
    parent: null,
    first_run: RUN,
    continued_from: null,
    schedule: null,
    attempt: 1,
  };

  test("shows any history as events that clients parse, each with an id of its own", () => {
    const types = new Set<string>(PUBLIC_EVENT_TYPES);
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), closing, (events, last) => {
        const all = [started(), ...placed([...events, last], [1])];
        const shown = all.flatMap((e) => present(context, e));
        for (const activity of [1, 2, 3, 4]) {
          const about = { activity, name: "a", at: T };
          shown.push(presentBegin(context, { ...about, input: null }));
          for (const attempt of [1, 2, 3]) {
            shown.push(presentRetry(context, { ...about, attempt, failure: { message: "m" } }));
          }
        }
        for (const { wire } of shown) {
          expect(types).toContain(wire.event_type);
          expect(PublicEvent.safeParse(wire).error).toBeUndefined();
        }
        const ids = shown.map((e) => e.wire.event_id);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  test("ids are uuids, different for different runs and positions", () => {
    const place = fc.tuple(
      fc.constantFrom(RUN, `${RUN.slice(0, 24)}ffffffffffff`),
      fc.nat({ max: 60_000 }),
      fc.nat({ max: 4_000 }),
    );
    fc.assert(
      fc.property(place, place, (a, b) => {
        expect(eventId(...a)).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        if (a[0] === b[0] && (a[1] !== b[1] || a[2] !== b[2])) expect(eventId(...a)).not.toBe(eventId(...b));
      }),
    );
  });
});
