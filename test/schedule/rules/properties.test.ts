/** Properties of every schedule, under any commands and any order of results. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createSchedule,
  type Decision,
  describe,
  type Effect,
  executionIdOf,
  type OverlapPolicy,
  outboxOf,
  pause,
  resume,
  runClosed,
  type ScheduleState,
  startResult,
  stopResult,
  trigger,
  update,
  wake,
} from "../../../shared/schedule/rules/index.ts";

const START = Date.UTC(2026, 2, 28, 12);
const MINUTE = 60_000;

function create(definition: object): Decision {
  const created = createSchedule(START, {
    schedule_id: "s",
    seed: "ws-s",
    workflow_name: "w",
    deployment_name: "d",
    definition,
  });
  if ("issues" in created) throw new Error(JSON.stringify(created.issues));
  return created;
}

const overlap = fc.integer({ min: 1, max: 6 }).map((policy) => policy as OverlapPolicy);

const timing = fc.constantFrom<object>(
  { intervals: [{ every: "PT10M" }] },
  {
    cron_expressions: ["*/15 * * * *", "7 * * * *"],
    skip: [{ hour: [{ start: 14 }], minute: [{ start: 0, end: 59 }] }],
  },
  { cron_expressions: ["*/20 0-5 * * *"], time_zone_name: "Europe/Paris", jitter: "PT15M" },
  { intervals: [{ every: "PT30M", offset: "PT5M" }], jitter: "PT2H", end_at: "2026-03-29T20:00:00Z" },
  { calendars: [{ hour: [{ start: 0, end: 23 }], minute: [{ start: 3 }] }], start_at: "2026-03-28T20:00:00Z" },
  {},
);

const definition = fc.record({
  timing,
  max_executions: fc.option(fc.integer({ min: 1, max: 12 }), { nil: null }),
  policy: fc.record({
    overlap,
    pause_on_failure: fc.boolean(),
    catchup_window_seconds: fc.constantFrom(0, 600, 86_400, 31_536_000),
  }),
});

type Act =
  | { do: "wake" | "pause" | "resume" }
  | { do: "trigger"; overlap: OverlapPolicy | null }
  | { do: "update"; partial: object }
  | { do: "perform" | "answer" | "close" | "crash"; which: number; how: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Act>({ do: "wake" }) },
  { weight: 1, arbitrary: fc.constantFrom<Act>({ do: "pause" }, { do: "resume" }) },
  { weight: 2, arbitrary: fc.option(overlap).map((policy): Act => ({ do: "trigger", overlap: policy })) },
  {
    weight: 1,
    arbitrary: fc
      .oneof(
        timing,
        overlap.map((policy) => ({ policy: { overlap: policy } })),
        fc.integer({ min: 1, max: 5 }).map((max_executions) => ({ max_executions })),
      )
      .map((partial): Act => ({ do: "update", partial })),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constantFrom("perform" as const, "answer" as const, "close" as const, "crash" as const),
      which: fc.nat(9),
      how: fc.nat(9),
    }),
  },
);

/** An adapter that performs effects in any order, repeats them, and loses and repeats results. */
class FaultyAdapter {
  state: ScheduleState;
  now = START;
  wakeAt: number | undefined;
  todo: Effect[] = [];
  readonly executions = new Map<string, { key: string; begun: number; open: boolean }>();

  constructor(created: Decision) {
    this.state = created.state;
    this.wakeAt = created.wakeAt;
  }

  take(decision: Decision | { issues: unknown }): void {
    if ("issues" in decision) throw new Error(JSON.stringify(decision.issues));
    const { state, effects, log, changed } = decision;
    expect(state.version).toBe(this.state.version + (changed ? 1 : 0));
    expect(changed || (effects.length === 0 && log.length === 0)).toBe(true);
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    expect(state.buffer.length === 0 || state.active.length > 0).toBe(true);
    expect(state.remaining === null || state.remaining >= 0).toBe(true);
    expect(state.cursor).toBeGreaterThanOrEqual(this.state.cursor);
    expect(new Set(state.active.map((run) => executionIdOf("s", run))).size).toBe(state.active.length);
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => this.state.log_entries + index + 1));
    this.state = state;
    this.wakeAt = decision.wakeAt;
    this.todo.push(...effects);
  }

  perform(effect: Effect): void {
    const known = this.executions.get(effect.execution_id);
    if (effect.kind === "start") {
      if (known) expect(known.key).toBe(effect.key);
      else this.executions.set(effect.execution_id, { key: effect.key, begun: 1, open: true });
    } else expect(known).toBeDefined();
  }

  answer(effect: Effect, how: number): void {
    const id = effect.execution_id;
    if (effect.kind !== "start") {
      this.take(stopResult(this.state, this.now, id, how < 7 ? "asked" : how < 9 ? "unavailable" : "closed"));
    } else if (this.executions.has(id)) this.take(startResult(this.state, this.now, id, { kind: "started" }));
    else if (how < 3) this.take(startResult(this.state, this.now, id, { kind: "refused", reason: "no" }));
    else this.take(startResult(this.state, this.now, id, { kind: "unavailable", reason: "busy" }));
  }

  close(id: string, how: number): void {
    const status = (["COMPLETED", "COMPLETED", "FAILED", "CANCELED", "TIMED_OUT"] as const)[how % 5]!;
    this.executions.get(id)!.open = false;
    this.take(runClosed(this.state, this.now, { execution_id: id, status }));
    if (how > 7) this.take(runClosed(this.state, this.now, { execution_id: id, status }));
  }

  do(one: Act): void {
    const open = [...this.executions].filter(([, { open }]) => open).map(([id]) => id);
    switch (one.do) {
      case "wake":
        this.take(wake(this.state, this.now));
        expect(this.wakeAt === undefined || this.wakeAt > this.now).toBe(true);
        return;
      case "pause":
        this.take(pause(this.state, this.now));
        return;
      case "resume":
        this.take(resume(this.state, this.now));
        return;
      case "trigger":
        this.take(trigger(this.state, this.now, one.overlap));
        return;
      case "update":
        this.take(update(this.state, this.now, one.partial));
        return;
      case "perform": {
        const effect = this.todo[one.which % Math.max(1, this.todo.length)];
        if (!effect) return;
        this.perform(effect);
        if (one.how < 6) this.answer(effect, one.how);
        if (one.how > 1) this.todo.splice(this.todo.indexOf(effect), 1);
        return;
      }
      case "answer": {
        const effect = this.todo[one.which % Math.max(1, this.todo.length)];
        if (effect) this.answer(effect, one.how);
        return;
      }
      case "close": {
        const id = open[one.which % Math.max(1, open.length)];
        if (id) this.close(id, one.how);
        return;
      }
      case "crash":
        this.todo = [];
        return;
    }
  }

  /** Without further faults and due times, performs the outbox and closes runs until nothing is left. */
  drain(): void {
    this.take(pause(this.state, this.now));
    for (let round = 0; round < 200; round++) {
      this.todo = outboxOf(this.state);
      const open = this.state.active.filter(({ starting }) => !starting);
      if (this.todo.length === 0 && open.length === 0) return;
      for (const effect of this.todo) {
        this.perform(effect);
        this.answer(effect, 0);
      }
      for (const run of open) this.close(executionIdOf("s", run), 0);
    }
    throw new Error("the schedule still has effects or open runs after 200 rounds");
  }
}

const scenario = fc.record({
  definition,
  acts: fc.array(fc.record({ after: fc.oneof(fc.constant(0), fc.nat(20 * MINUTE), fc.nat(9 * 60 * MINUTE)), act }), {
    minLength: 10,
    maxLength: 80,
  }),
});

test("wake-ups, effects and results in any order, doubled or lost, start each due time at most once, and all runs end", () => {
  fc.assert(
    fc.property(scenario, ({ definition: { timing, ...rest }, acts }) => {
      const world = new FaultyAdapter(create({ ...timing, ...rest }));
      for (const { after, act } of acts) {
        world.now += after;
        world.do(act);
      }
      world.drain();
      expect(world.state).toMatchObject({ buffer: [], active: [] });
      const { started } = world.state.counters;
      const begun = [...world.executions.keys()];
      // An execution that was begun is counted, unless its start was answered "refused" before it was performed again.
      expect(started).toBeLessThanOrEqual(begun.length);
    }),
    { numRuns: 300 },
  );
});

test("without commands and faults, the runs that start are those that future_executions listed, from any moment on", () => {
  fc.assert(
    fc.property(
      timing,
      fc.option(fc.integer({ min: 1, max: 8 }), { nil: null }),
      fc.nat(48 * 60 * MINUTE),
      (timing, max_executions, later) => {
        let { state, wakeAt } = create({ ...timing, policy: { overlap: 6 }, max_executions });
        let now = START;
        const startAll = (decision: Decision) => {
          state = decision.state;
          for (const { execution_id } of decision.effects) {
            state = startResult(state, now, execution_id, { kind: "started" }).state;
          }
          wakeAt = wake(state, now).wakeAt;
        };
        while (wakeAt !== undefined && wakeAt <= START + later) {
          now = wakeAt;
          startAll(wake(state, now));
        }
        now = START + later;
        const listed = describe(state, now).future_executions.map(({ scheduled_at }) => Date.parse(scheduled_at));
        const real: number[] = [];
        while (real.length < listed.length && wakeAt !== undefined) {
          now = wakeAt;
          startAll(wake(state, now));
          real.push(state.recent.at(-1)!.scheduled_at);
        }
        expect(real).toEqual(listed);
        if (listed.length < 10) expect(wakeAt).toBeUndefined();
      },
    ),
    { numRuns: 100 },
  );
});

test("under ALLOW_ALL the same executions start for every distribution of wake-ups", () => {
  fc.assert(
    fc.property(timing, fc.array(fc.nat(24 * 60 * MINUTE), { maxLength: 30 }), (timing, wakes) => {
      const startedBy = (times: number[]) => {
        let { state } = create({ ...timing, policy: { overlap: 6 } });
        const started: string[] = [];
        for (const time of times) {
          const decision = wake(state, START + time);
          state = decision.state;
          for (const { execution_id } of decision.effects) {
            started.push(execution_id);
            state = startResult(state, START + time, execution_id, { kind: "started" }).state;
          }
        }
        return started;
      };
      const end = 24 * 60 * MINUTE;
      expect(startedBy([...wakes.sort((a, b) => a - b), end])).toEqual(startedBy([end]));
    }),
    { numRuns: 100 },
  );
});
