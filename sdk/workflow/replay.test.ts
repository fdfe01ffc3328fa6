import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { isDecision, isStimulus } from "../../shared/protocol/history.ts";
import { Hand, type Say, say } from "../../test/support/workflow-driver.ts";
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

/** Samples that between them ask for everything, in an order that depends on what happens. */
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

/** What could happen next, given what the history says is open. */
function possible(hand: Hand): Say[] {
  const open = { activities: new Set<number>(), timers: new Set<number>(), children: new Set<number>() };
  for (const e of hand.history) {
    if (e.kind === "activity_scheduled") open.activities.add(e.activity);
    if (e.kind === "activity_completed" || e.kind === "activity_failed") open.activities.delete(e.activity);
    if (e.kind === "timer_started") open.timers.add(e.timer);
    if (e.kind === "timer_fired" || e.kind === "timer_cancelled") open.timers.delete(e.timer);
    if (e.kind === "child_scheduled") open.children.add(e.child);
    if (e.kind === "child_completed" || e.kind === "child_failed") open.children.delete(e.child);
  }
  const says: Say[] = [...open.activities].flatMap((n) => [say.completed(n, `result ${n}`), say.failed(n)]);
  says.push(...[...open.timers].map((n) => say.fired(n)));
  says.push(...[...open.children].flatMap((n) => [say.childCompleted(n, { result: "x" }), say.childFailed(n)]));
  const id = hand.history.length;
  if (hand.instance.checkSignal("push", { n: 1 }) === null)
    says.push({ ...say.signal("push", { n: id % 5 }), message: `s${id}` } as Say);
  if (hand.instance.checkUpdate("grow", { n: 1 }) === null) says.push(say.update("grow", { n: id % 5 }, `u${id}`));
  for (const task_id of hand.instance.inputs.keys())
    says.push(say.update("__submit_input", { task_id, input: { ok: true } }, `i${id}`));
  if (id > 12 && !hand.history.some((e) => e.kind === "cancel_requested")) says.push(say.cancel("enough"));
  return says;
}

const decisionsOf = (hand: Hand) =>
  hand.history.filter(isDecision).map(({ id: _, at: __, decided: ___, ...decision }) => decision);

/** What fresh code decides, to the last detail, when it learns one stimulus at a time. */
async function relived(hand: Hand) {
  const { instance } = new Hand(hand.workflow);
  const decisions: unknown[] = [];
  for (const stimulus of hand.history.filter(isStimulus)) {
    const activation = await instance.activate([stimulus]);
    if ("bug" in activation) throw activation.bug;
    decisions.push(...activation.decisions);
  }
  return decisions;
}

describe("every history that is lived replays to the same decisions", () => {
  test.each(samples)("$name", async (sample) => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat()), fc.infiniteStream(fc.nat({ max: 3 })), async (choices, groups) => {
        const hand = await Hand.start(sample);
        for (let step = 0; step < 60 && !hand.instance.closed; step++) {
          const says: Say[] = [];
          const room = (groups.next().value as number) + 1;
          for (let i = 0; i < room; i++) {
            const options = possible(hand).filter((one) => !says.some((said) => sameThing(said, one)));
            if (options.length === 0) break;
            says.push(options[(choices.next().value as number) % options.length]!);
          }
          if (says.length === 0) break;
          await hand.tell(...says);
        }
        const again = await hand.replayed();
        expect(again.closed).toBe(hand.instance.closed);
        expect(again.waitingOn()).toEqual(hand.instance.waitingOn());
        expect(await relived(hand)).toEqual(decisionsOf(hand));
      }),
      { numRuns: 60 },
    );
  });

  test("an instance that catches up in pieces ends where one that replays in one go does", async () => {
    const hand = await Hand.start(samples[0]!);
    for (let n = 1; n <= 3; n++) await hand.tell(say.completed(n));
    for (let cut = 1; cut < hand.history.length; cut++) {
      const early = new Hand(samples[0]!).instance;
      await early.replay(hand.history.slice(0, cut));
      await early.replay(hand.history.slice(cut));
      expect(early.waitingOn()).toEqual(['activity 4 "work"']);
    }
  });

  test("stimuli that no mark covers are given when it is activated, and decide what they would have decided", async () => {
    const hand = await Hand.start(samples[0]!);
    await hand.tell(say.completed(1));
    const recorded = hand.history.filter((e) => e.id <= 3).map((e) => (e.id === 3 ? { ...e, decided: undefined } : e));
    const { instance } = new Hand(samples[0]!);
    await instance.replay(recorded);
    expect(await instance.activate([])).toEqual({
      decided: 3,
      closed: false,
      decisions: hand.decisions,
      flags: [],
    });
  });
});

/** Two outcomes of one thing cannot both happen. */
function sameThing(a: Say, b: Say): boolean {
  const id = (one: Say) =>
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
    const hand = await Hand.start(recorded);
    await hand.tell(say.completed(1));
    await hand.tell(say.fired(1));
    return hand;
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
      "a step less",
      async () => {
        await charge();
        await ship();
      },
      { expected: "timer_started (timer 1)", actual: "activity_scheduled (activity 2, name ship)", step: 2, event: 4 },
    ],
    [
      "nothing any more",
      async () => {
        await charge();
        await waitUntil(() => false);
      },
      { expected: "timer_started (timer 1)", actual: "nothing", step: 2, event: 4 },
    ],
    [
      "more than before",
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
  ] as const)("code that decides %s is told where it parted from the record", async (_, fn, where) => {
    const hand = await live();
    const changed = workflow({ name: "order" }, fn);
    const error = await hand.replayed(changed).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(DivergenceError);
    expect(error).toMatchObject(where);
  });

  test("the message names both decisions, the place, and what to do", async () => {
    const hand = await live();
    const changed = workflow({ name: "order" }, async () => {
      await charge();
      await waitUntil(() => false);
    });
    await expect(hand.replayed(changed)).rejects.toThrow(
      /workflow "order" no longer does what run 0a1b2c3d-.* recorded\. Step 2, event 4: recorded timer_started \(timer 1\), the code decided nothing \(it waits for a condition\)\. Definition [0-9a-f]{12} replays it; .*\. Either the code was changed/,
    );
  });

  test("a changed input or length of a timer is no divergence", async () => {
    const hand = await live();
    const changed = workflow({ name: "order" }, async () => {
      await charge();
      await sleep("2h");
      await ship();
    });
    expect((await hand.replayed(changed)).waitingOn()).toEqual(['activity 2 "ship"']);
  });
});
