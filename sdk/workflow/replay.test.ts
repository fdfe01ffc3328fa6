import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { copiedEvents, cutOf, originsOf, reapply, resetEvents, resetPoints } from "../../shared/core/reset.ts";
import { fold, stateOf } from "../../shared/core/state.ts";
import { isDecision, isStimulus, type Started, type Stimulus } from "../../shared/protocol/history.ts";
import { type NewStimulus, stimulus, WorkflowDriver } from "../../test/support/workflow-driver.ts";
import {
  activity,
  CancelledError,
  child,
  DivergenceError,
  on,
  parallel,
  query,
  random,
  signal,
  sleep,
  start,
  task,
  uncancelled,
  update,
  uuid,
  waitForInput,
  waitUntil,
  workflow,
} from "../index.ts";
import type { AnyWorkflow } from "./define.ts";

const work = activity({ name: "work", input: z.object({ n: z.number() }) }, async () => "");
const push = signal("push", z.object({ n: z.number() }));
const size = query("size", z.number());
const grow = update("grow", z.object({ n: z.number() }), z.number());
const other = workflow({ name: "other" }, async () => "x");

/** Workflows that together use every function of the SDK, in an order that depends on the stimuli. */
const samples: AnyWorkflow[] = [
  workflow({ name: "sequence" }, async () => {
    let failures = 0;
    for (let n = 0; n < 5; n++) await work({ n: Math.floor(random() * 100) }).catch(() => void failures++);
    await sleep(Math.floor(Math.random() * 5000));
    return { failures, at: Date.now(), id: uuid() };
  }),
  workflow({ name: "handlers", handlers: [push, size, grow] }, async () => {
    const queue: number[] = [];
    let limit = 3;
    let seen = 0;
    on(push, async ({ n }) => {
      queue.push(n);
      await sleep(n);
    });
    on(size, () => queue.length);
    on(grow, async ({ n }) => {
      if (n > 2) await work({ n });
      limit += 1;
      return limit;
    });
    while (seen < limit) {
      if (!(await waitUntil(() => queue.length > 0, "1m"))) break;
      const n = queue.shift()!;
      await work({ n }).catch(() => {});
      seen += 1;
    }
    return seen;
  }),
  workflow({ name: "fan", handlers: [push] }, async () => {
    let extra = 0;
    on(push, ({ n }) => {
      extra += n;
    });
    const results = await parallel(6, (n) => work({ n }).catch(() => "failed"), { concurrency: 3 });
    const winner = await Promise.race([sleep("5s").then(() => "time"), work({ n: 99 }).catch(() => "error")]);
    return { results, winner, extra };
  }),
  workflow({ name: "family", interactive: true }, async () => {
    const detached = start(other, {}, { id: "detached-1" });
    try {
      const [one, answer] = await Promise.all([
        child(other).catch(() => "child failed"),
        waitForInput(z.object({ ok: z.boolean() }), { label: "ok?", timeout: "1h" }).catch((error) =>
          String(error.name),
        ),
      ]);
      const state = await task("progress", { step: 0 }, async (t) => {
        for (let step = 1; step <= 2; step++) {
          await work({ n: step }).catch(() => {});
          t.set({ step });
        }
        return t.state;
      });
      return { one, answer, state };
    } catch (error) {
      if (error instanceof CancelledError) {
        detached.cancel();
        await uncancelled(() => work({ n: -1 })).catch(() => {});
      }
      throw error;
    }
  }),
];

/** The stimuli that could come next: outcomes of everything that is open in the history, and messages. */
function possibleNext(driver: WorkflowDriver): NewStimulus[] {
  const open = { activities: new Set<number>(), timers: new Set<number>(), children: new Set<number>() };
  for (const e of driver.history) {
    if (e.kind === "activity_scheduled") open.activities.add(e.activity);
    if (e.kind === "activity_completed" || e.kind === "activity_failed") open.activities.delete(e.activity);
    if (e.kind === "timer_started") open.timers.add(e.timer);
    if (e.kind === "timer_fired" || e.kind === "timer_cancelled") open.timers.delete(e.timer);
    if (e.kind === "child_scheduled") open.children.add(e.child);
    if (e.kind === "child_completed" || e.kind === "child_failed") open.children.delete(e.child);
  }
  const next: NewStimulus[] = [...open.activities].flatMap((n) => [
    stimulus.completed(n, `result ${n}`),
    stimulus.failed(n),
  ]);
  next.push(...[...open.timers].map((n) => stimulus.fired(n)));
  next.push(
    ...[...open.children].flatMap((n) => [stimulus.childCompleted(n, { result: "x" }), stimulus.childFailed(n)]),
  );
  const id = driver.history.length;
  if (driver.instance.checkSignal("push", { n: 1 }) === null)
    next.push({ ...stimulus.signal("push", { n: id % 5 }), message: `s${id}` } as NewStimulus);
  if (driver.instance.checkUpdate("grow", { n: 1 }) === null)
    next.push(stimulus.update("grow", { n: id % 5 }, `u${id}`));
  for (const task_id of driver.instance.inputs.keys())
    next.push(stimulus.update("__submit_input", { task_id, input: { ok: true } }, `i${id}`));
  if (id > 12 && !driver.history.some((e) => e.kind === "cancel_requested")) next.push(stimulus.cancel("enough"));
  return next;
}

const decisionsOf = (driver: WorkflowDriver) =>
  driver.history.filter(isDecision).map(({ id: _, at: __, decided: ___, ...decision }) => decision);

/**
 * The decisions of a fresh run, in every detail, when it is given one stimulus at a time. Those of the step in which it
 * closes come together: the run closes after the last of them (INSTANCE-4).
 */
async function decidedAgain(driver: WorkflowDriver) {
  const { instance } = new WorkflowDriver(driver.workflow);
  const decisions: unknown[] = [];
  const checkpoints = driver.history.flatMap((e) => e.decided ?? []);
  const open = (driver.instance.closed ? checkpoints.at(-2) : checkpoints.at(-1)) ?? 0;
  const stimuli = driver.history.filter(isStimulus).filter((s) => s.id <= (checkpoints.at(-1) ?? 0));
  const last = stimuli.filter((s) => s.id > open);
  for (const given of [...stimuli.filter((s) => s.id <= open).map((s) => [s]), ...(last.length > 0 ? [last] : [])]) {
    const activation = await instance.activate(given);
    if ("bug" in activation) throw activation.bug;
    decisions.push(...activation.decisions);
  }
  return decisions;
}

describe("every history replays to the same decisions", () => {
  test.each(samples)("$name", async (sample) => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat()), fc.infiniteStream(fc.nat({ max: 3 })), async (choices, groups) => {
        const driver = await WorkflowDriver.start(sample);
        for (let step = 0; step < 60 && !driver.instance.closed; step++) {
          const given: NewStimulus[] = [];
          const room = (groups.next().value as number) + 1;
          for (let i = 0; i < room; i++) {
            const options = possibleNext(driver).filter((one) => !given.some((other) => excludeEachOther(other, one)));
            if (options.length === 0) break;
            given.push(options[(choices.next().value as number) % options.length]!);
          }
          if (given.length === 0) break;
          await driver.give(...given);
        }
        const again = await driver.replayed();
        expect(again.closed).toBe(driver.instance.closed);
        expect(again.waitingOn()).toEqual(driver.instance.waitingOn());
        expect(await decidedAgain(driver)).toEqual(decisionsOf(driver));
      }),
      { numRuns: 60 },
    );
  });

  test.each(samples)("$name, reset to any step, replays the copy and goes on", async (sample) => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat()), fc.nat(), async (choices, choice) => {
        const driver = await WorkflowDriver.start(sample);
        for (let step = 0; step < 30 && !driver.instance.closed; step++) {
          const options = possibleNext(driver);
          if (options.length === 0) break;
          await driver.give(options[(choices.next().value as number) % options.length]!);
        }
        const points = resetPoints(driver.history).filter(({ event }) => event > 1);
        if (points.length === 0) return;
        const begun = driver.history[0] as Started;
        const cut = cutOf(driver.history, { event: points[choice % points.length]!.event })!;
        const copied = copiedEvents(driver.history, cut);
        const now = driver.history.at(-1)!.at + 1;
        const reset = { from: begun.run, at: now, origins: originsOf(begun, copied) };
        const next = { ...begun, decided: undefined, run: "0a1b2c3d-0000-4000-8000-000000000002", reset };
        const state = fold(stateOf(next), copied);
        const terms = { from: begun.run, reason: null, now, excluded: [] };
        const later = [
          ...resetEvents(state, terms),
          ...reapply(state, driver.history.slice(cut.through), terms).events,
        ];
        const { instance } = new WorkflowDriver(sample);
        await instance.replay([next, ...copied, ...later]);
        expect(await instance.activate([])).not.toHaveProperty("bug");
      }),
      { numRuns: 40 },
    );
  });

  test("after a reset the copied steps have the random numbers and child ids of the old run, later ones those of the new", async () => {
    const draws = workflow({ name: "draws" }, async () => {
      for (let n = 0; n < 3; n++) {
        await work({ n: Math.floor(random() * 1e9) });
        start(other, {});
      }
    });
    const driver = await WorkflowDriver.start(draws);
    await driver.give(stimulus.completed(1));
    await driver.give(stimulus.completed(2));
    const begun = driver.history[0] as Started;
    const { event } = resetPoints(driver.history).at(-1)!;
    const copied = copiedEvents(driver.history, cutOf(driver.history, { event })!);
    const reset = { from: begun.run, at: driver.history.at(-1)!.at, origins: originsOf(begun, copied) };
    const next = { ...begun, run: "0a1b2c3d-0000-4000-8000-000000000002", reset };
    const { instance } = new WorkflowDriver(draws);
    const of = (all: readonly object[]) =>
      all.flatMap((e) => ("execution" in e ? e.execution : "input" in e ? e.input : []));
    const decisions: object[] = [];
    for (const one of [next, ...copied].filter(isStimulus)) {
      const answer = await instance.activate([one as Stimulus]);
      if ("bug" in answer) throw answer.bug;
      decisions.push(...answer.decisions);
    }
    const old = of(driver.history.slice(1).filter(isDecision));
    const again = of(decisions);
    expect(again).toHaveLength(old.length);
    expect(again.slice(0, 3)).toEqual(old.slice(0, 3));
    for (const [i, value] of again.entries()) if (i > 2) expect(value).not.toEqual(old[i]);
  });

  test("an instance that replays a history in two parts ends in the same state as with one part", async () => {
    const driver = await WorkflowDriver.start(samples[0]!);
    for (let n = 1; n <= 3; n++) await driver.give(stimulus.completed(n));
    for (let cut = 1; cut < driver.history.length; cut++) {
      const early = new WorkflowDriver(samples[0]!).instance;
      await early.replay(driver.history.slice(0, cut));
      await early.replay(driver.history.slice(cut));
      expect(early.waitingOn()).toEqual(['activity 4 "work"']);
    }
  });

  test("stimuli that no `decided` covers are given on activation, and lead to the same decisions", async () => {
    const driver = await WorkflowDriver.start(samples[0]!);
    await driver.give(stimulus.completed(1));
    const recorded = driver.history
      .filter((e) => e.id <= 3)
      .map((e) => (e.id === 3 ? { ...e, decided: undefined } : e));
    const { instance } = new WorkflowDriver(samples[0]!);
    await instance.replay(recorded);
    expect(await instance.activate([])).toEqual({
      decided: 3,
      closed: false,
      decisions: driver.decisions,
      flags: [],
    });
  });
});

/** Both are outcomes of the same activity, timer or child: only one of them can happen. */
function excludeEachOther(a: NewStimulus, b: NewStimulus): boolean {
  const id = (one: NewStimulus) =>
    "activity" in one
      ? `activity ${one.activity}`
      : "timer" in one
        ? `timer ${one.timer}`
        : "child" in one
          ? `child ${one.child}`
          : one.kind;
  return id(a) === id(b);
}

describe("divergence", () => {
  const charge = activity({ name: "charge" }, async () => "");
  const ship = activity({ name: "ship" }, async () => "");
  const recorded = workflow({ name: "order" }, async () => {
    await charge();
    await sleep("1h");
    await ship();
  });
  const live = async () => {
    const driver = await WorkflowDriver.start(recorded);
    await driver.give(stimulus.completed(1));
    await driver.give(stimulus.fired(1));
    return driver;
  };

  test.each([
    [
      "another activity",
      async () => {
        await ship();
      },
      {
        expected: "activity_scheduled (activity 1, name charge)",
        actual: "activity_scheduled (activity 1, name ship)",
        step: 1,
        event: 2,
      },
    ],
    [
      "one step less",
      async () => {
        await charge();
        await ship();
      },
      { expected: "timer_started (timer 1)", actual: "activity_scheduled (activity 2, name ship)", step: 2, event: 4 },
    ],
    [
      "nothing where a step is recorded",
      async () => {
        await charge();
        await waitUntil(() => false);
      },
      { expected: "timer_started (timer 1)", actual: "nothing", step: 2, event: 4 },
    ],
    [
      "one step more",
      async () => {
        await Promise.all([charge(), ship()]);
      },
      { expected: "nothing", actual: "activity_scheduled (activity 2, name ship)", step: 2, event: 2 },
    ],
    [
      "an early end",
      async () => {
        await charge();
      },
      { expected: "timer_started (timer 1)", actual: "execution_completed", step: 2, event: 4 },
    ],
  ] as const)("the error of code that decides %s names the first difference", async (_, fn, where) => {
    const driver = await live();
    const changed = workflow({ name: "order" }, fn);
    const error = await driver.replayed(changed).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(DivergenceError);
    expect(error).toMatchObject(where);
  });

  test("the message names both decisions, the place, and what to do", async () => {
    const driver = await live();
    const changed = workflow({ name: "order" }, async () => {
      await charge();
      await waitUntil(() => false);
    });
    await expect(driver.replayed(changed)).rejects.toThrow(
      /workflow "order" no longer does what run 0a1b2c3d-.* recorded\. Step 2, event 4: recorded timer_started \(timer 1\), the code decided nothing \(it waits for a condition\)\. Definition [0-9a-f]{12} replays it; .*\. Either the code was changed/,
    );
  });

  test("a changed input or timer length does not count as a divergence", async () => {
    const driver = await live();
    const changed = workflow({ name: "order" }, async () => {
      await charge();
      await sleep("2h");
      await ship();
    });
    expect((await driver.replayed(changed)).waitingOn()).toEqual(['activity 2 "ship"']);
  });
});
