import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HistoryEvent, NewEvent } from "../protocol/history.ts";
import { isDecision, isStimulus, originOf } from "../protocol/history.ts";
import { effectsOf } from "./effects.ts";
import { closing, history, RUN, started, T } from "./histories.test-host.ts";
import { type Cut, copiedEvents, cutOf, originsOf, reapply, resetEvents, resetPoints } from "./reset.ts";
import { previewReset } from "./reset-preview.ts";
import { fold, stateOf } from "./state.ts";

const NEXT = "01a3185c-5000-7b77-abf5-000000000002";
const NONE = { now: T + 1e9, excluded: [] } as const;
const TERMS = { ...NONE, from: RUN, reason: null };

/** Marks the last decision of each row of decisions as the end of a step, as a worker does. */
function decided(events: readonly HistoryEvent[]): HistoryEvent[] {
  let last = 1;
  return events.map((event, i) => {
    if (isStimulus(event)) last = event.id;
    const next = events[i + 1];
    return isDecision(event) && !(next && isDecision(next)) ? { ...event, decided: last } : event;
  });
}
const histories = fc
  .tuple(history(40), fc.option(closing, { nil: undefined }))
  .map(([events, end]) =>
    decided(end ? [...events, { ...end, id: events.length + 2, at: T + 1e8 } as HistoryEvent] : events),
  );
const whole = (events: readonly HistoryEvent[]): HistoryEvent[] => [started(), ...events];
const begun = (origins: ReturnType<typeof originsOf>) =>
  started({ run: NEXT, reset: { from: RUN, at: T + 1e9, origins } });

describe("a cut", () => {
  test("copies whole steps, and the stimuli on which the code decides again", () => {
    fc.assert(
      fc.property(histories, fc.nat(), (events, choice) => {
        const all = whole(events);
        const points = resetPoints(all);
        if (points.length === 0) return;
        const point = points[choice % points.length]!;
        const cut = cutOf(all, { event: point.event })!;
        const copied = copiedEvents(all, cut);
        expect(copied.map(({ id }) => id)).toEqual(copied.map((_, i) => i + 2));
        expect(copied.length).toBe(cut.through - 1);
        // No decision is copied without the end of its step.
        const last = copied.findLast(isDecision);
        expect(copied.some((e) => e.decided !== undefined && e.id >= (last?.id ?? 0))).toBe(last !== undefined);
        expect(copied.some(({ decided: upTo }) => upTo === point.event)).toBe(false);
        expect(copied.some((e) => e.kind.startsWith("execution_") && isDecision(e))).toBe(false);
        const state = fold(stateOf(begun([])), copied);
        expect(state.closed).toBeNull();
        expect(state.tail).toBe(cut.through);
        expect(point.decisions.length).toBeGreaterThan(0);
        expect(all.slice(cut.through, point.event)).toEqual(point.decisions);
      }),
    );
  });

  test("is refused at every other event", () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: -1, max: 60 }), (events, event) => {
        const all = whole(events);
        const valid = resetPoints(all).some((point) => point.event === event);
        expect(cutOf(all, { event }) !== null).toBe(valid);
      }),
    );
  });

  test("of a copy is a cut of the original", () => {
    fc.assert(
      fc.property(histories, fc.nat(), (events, choice) => {
        const all = whole(events);
        const points = resetPoints(all);
        if (points.length === 0) return;
        const cut = cutOf(all, { event: points[choice % points.length]!.event })!;
        const copied = [started(), ...copiedEvents(all, cut)];
        const known = new Set(points.map(({ event }) => event));
        for (const { event } of resetPoints(copied)) {
          expect(known.has(event)).toBe(true);
          expect(cutOf(copied, { event })).toEqual(cutOf(all, { event }));
        }
      }),
    );
  });
});

const at = T;
const place = (events: readonly object[]): HistoryEvent[] =>
  events.map((e, i) => ({ ...e, id: i + 2, at }) as HistoryEvent);
const charge = (activity: number): NewEvent => ({
  kind: "activity_scheduled",
  activity,
  name: "charge",
  input: activity,
  where: "local:s",
  options: { retry: { max_attempts: 1, first_ms: 1, factor: 1, max_ms: 1, non_retryable: [] } },
});
const failed = (activity: number): NewEvent => ({
  kind: "activity_failed",
  activity,
  name: "charge",
  attempt: 3,
  reason: "failed",
  failure: { message: "no" },
});
const child: NewEvent = {
  kind: "child_scheduled",
  child: 1,
  workflow: "lines",
  execution: "c",
  input: null,
  on_parent_close: "terminate",
};

describe("a named point", () => {
  const cut = (events: HistoryEvent[], to: "start" | "last_decision" | "first_failure"): Cut | null =>
    cutOf(whole(events), { to });
  const run = place([
    charge(1),
    { ...charge(2), decided: 1 }, // 3
    { kind: "activity_completed", activity: 1, name: "charge", result: 1 }, // 4
    { kind: "timer_started", timer: 1, fire_at: at, decided: 4 }, // 5
    failed(2), // 6
    { kind: "execution_failed", failure: { message: "no" }, decided: 6 }, // 7
  ]);

  test("`start` is before the first decision", () => {
    expect(cut(run, "start")).toEqual({ through: 1, redo: null });
  });
  test("`last_decision` is before the decisions of the last step", () => {
    expect(cut(run, "last_decision")).toEqual({ through: 6, redo: 7 });
    expect(cut(run.slice(0, 5), "last_decision")).toEqual({ through: 4, redo: 5 });
    expect(cut([], "last_decision")).toBeNull();
  });
  test("`first_failure` is before the outcome of the first activity that failed for good: it runs again, alone", () => {
    const found = cut(run, "first_failure")!;
    expect(found).toEqual({ through: 5, redo: null });
    const state = fold(stateOf(begun([])), copiedEvents(whole(run), found));
    const [reset, restarted, ...rest] = resetEvents(state, TERMS);
    expect(reset).toMatchObject({ kind: "execution_reset", id: 6, from: RUN });
    expect(restarted).toMatchObject({ kind: "activity_restarted", activity: 2, task: { input: 2 } });
    expect(rest).toEqual([]);
    expect(state.activities.get(2)).toMatchObject({ attempt: 1, where: "queue", startedAt: null, lastFailure: null });
  });
  test("`first_failure` of a child is before the step that started it", () => {
    const outcome: NewEvent = { kind: "child_failed", child: 1, status: "FAILED", failure: { message: "no" } };
    const events = place([charge(1), { ...child, decided: 1 }, outcome]);
    expect(cut(events, "first_failure")).toEqual({ through: 1, redo: 3 });
  });
  test("`first_failure` of the code is before the decision that failed the execution", () => {
    expect(cut(place([{ kind: "execution_failed", failure: { message: "no" }, decided: 1 }]), "first_failure")).toEqual(
      { through: 1, redo: 2 },
    );
  });
  test("`first_failure` of code that throws at a step is before the last decisions", () => {
    const bug: NewEvent = { kind: "workflow_task_failed", failure: { message: "bug" }, fingerprint: "bug" };
    const events = place([{ ...charge(1), decided: 1 }, bug]);
    expect(cut(events, "first_failure")).toEqual({ through: 1, redo: 2 });
    expect(cut(place([bug]), "first_failure")).toEqual({ through: 1, redo: null });
    const repaired = place([bug, { ...charge(1), decided: 1 }]);
    expect(cut(repaired, "first_failure")).toBeNull();
  });
  test("a cancelled activity is no failure", () => {
    const cancelled = { ...failed(1), reason: "cancelled" };
    expect(cut(place([{ ...charge(1), decided: 1 }, cancelled]), "first_failure")).toBeNull();
  });
});

describe("the events after the copy", () => {
  /** A run that is reset somewhere, and what follows. */
  const resets = fc.tuple(histories, fc.nat()).map(([events, choice]) => {
    const all = whole(events);
    const points = resetPoints(all);
    const cut = points.length === 0 ? { through: 1, redo: null } : cutOf(all, points[choice % points.length]!)!;
    const copied = copiedEvents(all, cut);
    return { all, cut, copied, later: all.slice(cut.through) };
  });

  test("let each open activity begin anew in the queue of the new run, and end those that code has cancelled", () => {
    fc.assert(
      fc.property(resets, ({ copied }) => {
        const before = fold(stateOf(begun([])), copied);
        const state = fold(stateOf(begun([])), copied);
        const events = resetEvents(state, TERMS);
        const queued = effectsOf({ ...begun([]), execution: "x" }, { events });
        const wanted = [...before.activities].filter(([, open]) => !open.cancelRequested).map(([n]) => n);
        expect([...state.activities.keys()]).toEqual(wanted);
        expect(queued.map((e) => (e.kind === "queue_activity" ? e.key : e.kind))).toEqual(
          wanted.map((n) => `activity#${NEXT}#${n}#1`),
        );
        for (const open of state.activities.values())
          expect(open).toMatchObject({ attempt: 1, where: "queue", scheduledAt: TERMS.now, retryAt: null });
        expect(state.taskFailures.size).toBe(0);
        expect(state.timers).toEqual(before.timers);
        expect(state.children).toEqual(before.children);
      }),
    );
  });

  test("give the messages that the old run had taken in, each once and in order, or name them as left out", () => {
    fc.assert(
      fc.property(
        resets,
        fc.subarray(["signals", "updates"] as const),
        fc.array(fc.nat({ max: 10 }), { maxLength: 3 }),
        ({ copied, later }, excluded, pieces) => {
          const terms = { ...TERMS, excluded };
          const at_once = fold(stateOf(begun([])), copied);
          const before = new Set(at_once.taken.keys());
          const { events, left } = reapply(at_once, later, terms);
          // In pieces, as a log that grows is read.
          const growing = fold(stateOf(begun([])), copied);
          const parts = { events: [] as HistoryEvent[], left: [] as typeof left };
          let rest = later;
          for (const n of [...pieces, later.length]) {
            const part = reapply(growing, rest.slice(0, n), terms);
            parts.events.push(...part.events);
            parts.left.push(...part.left);
            rest = rest.slice(n);
          }
          expect(parts).toEqual({ events, left });
          const kinds = new Set(
            ["signal_received", "update_accepted"].filter(
              (kind) => !excluded.includes(kind === "signal_received" ? "signals" : "updates"),
            ),
          );
          const given = events.flatMap((e) => ("message" in e ? [e.message] : []));
          const first = new Set(before);
          const wanted = later.flatMap((e) => {
            if (!("message" in e) || !kinds.has(e.kind) || first.has(e.message)) return [];
            first.add(e.message);
            return [e.message];
          });
          expect(given).toEqual(wanted);
          expect(left.every(([id]) => !before.has(id))).toBe(true);
          const ids = events.map(({ id }) => id);
          expect(ids).toEqual(ids.map((_, i) => copied.length + 2 + i));
          for (const e of events)
            expect(["timer_fired", "signal_received", "update_accepted", "child_completed", "child_failed"]).toContain(
              e.kind,
            );
        },
      ),
    );
  });

  test("a timer that was due before a message comes before it", () => {
    const events = place([
      { kind: "timer_started", timer: 1, fire_at: at + 5, decided: 1 },
      { kind: "signal_received", message: "signal#1", name: "a", input: null },
    ]).map((e) => (e.id === 3 ? { ...e, at: at + 6 } : e));
    const state = fold(stateOf(begun([])), events.slice(0, 1));
    const { events: again } = reapply(state, events.slice(1), NONE);
    expect(again.map((e) => e.kind)).toEqual(["timer_fired", "signal_received"]);
  });

  test("an outcome of a copied child reaches the new run, a cancel request does not", () => {
    const events = place([
      { ...child, decided: 1 },
      { kind: "cancel_requested", message: "cancel#1", reason: null },
      { kind: "child_completed", child: 1, result: 7 },
    ]);
    const state = fold(stateOf(begun([{ run: RUN, through: 2 }])), events.slice(0, 1));
    expect(state.children.get(1)).toMatchObject({ run: RUN });
    const { events: again, left } = reapply(state, events.slice(1), NONE);
    expect(again).toMatchObject([{ kind: "child_completed", result: 7, id: 3 }]);
    expect(left).toEqual([["cancel#1", at]]);
  });
});

describe("origins", () => {
  test("name the run that recorded each copied step first, over several resets", () => {
    const steps = place([charge(1), charge(2), charge(3)].map((e) => ({ ...e, decided: 1 })));
    const first = originsOf(started(), steps.slice(0, 2)); // up to event 3
    expect(first).toEqual([{ run: RUN, through: 3 }]);
    const second = originsOf(begun(first), steps); // event 4 is of NEXT
    expect(second).toEqual([
      { run: RUN, through: 3 },
      { run: NEXT, through: 4 },
    ]);
    const third = started({ run: "third", reset: { from: NEXT, at, origins: second } });
    expect([2, 3, 4, 5].map((id) => originOf(third, id))).toEqual([RUN, RUN, NEXT, "third"]);
    expect(originsOf(third, steps.slice(0, 1))).toEqual([{ run: RUN, through: 2 }]);
    expect(originsOf(third, [])).toEqual([]);
  });
});

test("a preview tells what the reset then does", async () => {
  const told = (event: object) => ("message" in event ? event.message : "child" in event ? event.child : null);
  await fc.assert(
    fc.asyncProperty(
      histories,
      fc.nat(),
      fc.subarray(["signals", "updates"] as const),
      async (events, choice, excluded) => {
        const all = whole(events);
        const points = resetPoints(all);
        if (points.length === 0) return;
        const target = { event: points[choice % points.length]!.event };
        const preview = (await previewReset(all, { target, excluded, now: NONE.now }))!;
        const cut = cutOf(all, target)!;
        const state = fold(stateOf(begun([])), copiedEvents(all, cut));
        const first = resetEvents(state, { ...TERMS, excluded });
        const done = reapply(state, all.slice(cut.through), { ...NONE, excluded });
        expect(preview.through).toBe(cut.through);
        expect(preview.dropped).toEqual(all.slice(cut.through));
        expect(preview.restarted).toEqual(first.flatMap((e) => (e.kind === "activity_restarted" ? [e.task.name] : [])));
        expect(preview.given.map(told)).toEqual(done.events.filter(({ kind }) => kind !== "timer_fired").map(told));
        expect(preview.left.map(told)).toEqual(done.left.map(([message]) => message));
      },
    ),
  );
  expect(await previewReset(whole([]), { target: { event: 1 }, excluded: [], now: NONE.now })).toBeNull();
});

test("open timers are looked through once, not for each message that is given again", () => {
  const signals = Array.from({ length: 50 }, (_, i) => {
    const of = { message: `signal#${i}`, name: "go", input: null };
    return { kind: "signal_received", id: 100 + i, at: T + 10 * i, ...of } as HistoryEvent;
  });
  const timers = Array.from({ length: 50 }, (_, i) => {
    return { kind: "timer_started", id: 2 + i, at: T, timer: 2 + i, fire_at: T + 10 * i + 5 } as HistoryEvent;
  });
  const state = fold(stateOf(begun([])), timers);
  let looks = 0;
  Object.defineProperty(state.timers, Symbol.iterator, {
    value: () => {
      looks += 1;
      return state.timers.entries();
    },
  });
  const { events } = reapply(state, signals, NONE);
  expect(looks).toBe(1);
  expect(events.map(({ kind }) => kind)).toEqual(
    signals.flatMap((_, i) => (i > 0 ? ["timer_fired", "signal_received"] : ["signal_received"])),
  );
});
