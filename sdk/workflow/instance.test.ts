import { describe, expect, test } from "vitest";
import * as z from "zod";
import { type NewStimulus, START, silent, stimulus, WorkflowDriver } from "../../test/support/workflow-driver.ts";
import {
  ActivityError,
  activity,
  CancelledError,
  cancelSignal,
  continueAsNew,
  executionInfo,
  historyIsLong,
  log,
  on,
  parallel,
  query,
  signal,
  sleep,
  TimeoutError,
  uncancelled,
  update,
  WorkflowError,
  waitUntil,
  workflow,
} from "../index.ts";
import { currentFrame } from "../runtime/frame.ts";

const charge = activity(
  { name: "charge", input: z.object({ id: z.string() }), output: z.object({ receipt: z.string() }) },
  async ({ id }) => ({
    receipt: `r-${id}`,
  }),
);
const note = activity({ name: "note" }, async () => {});

describe("activities", () => {
  test("a call is scheduled with its options, and the code gets the recorded result", async () => {
    const pay = workflow(
      { name: "pay", input: z.object({ id: z.string() }) },
      async ({ id }) => (await charge({ id })).receipt,
    );
    const driver = await WorkflowDriver.start(pay, { id: "a" });
    expect(driver.decisions).toEqual([
      {
        kind: "activity_scheduled",
        activity: 1,
        name: "charge",
        input: { id: "a" },
        where: "queue",
        options: {
          start_to_close_ms: 300_000,
          retry: { max_attempts: 3, first_ms: 1000, factor: 2, max_ms: 100_000, non_retryable: [] },
        },
      },
    ]);
    await driver.give(stimulus.completed(1, { receipt: "from the history" }));
    expect(driver.end).toEqual({ kind: "execution_completed", result: { result: "from the history" } });
    expect((await driver.replayed()).closed).toBe(true);
  });

  test("concurrent calls are numbered in the order of the calls and may finish in any order", async () => {
    const pay = workflow({ name: "pay" }, async () => Promise.all(["a", "b", "c"].map((id) => charge({ id }))));
    const driver = await WorkflowDriver.start(pay);
    expect(driver.decisions.map((d) => d.kind === "activity_scheduled" && [d.activity, d.input])).toEqual([
      [1, { id: "a" }],
      [2, { id: "b" }],
      [3, { id: "c" }],
    ]);
    await driver.give(stimulus.completed(3, { receipt: "c" }));
    await driver.give(stimulus.completed(1, { receipt: "a" }), stimulus.completed(2, { receipt: "b" }));
    expect(driver.end).toMatchObject({ result: { result: [{ receipt: "a" }, { receipt: "b" }, { receipt: "c" }] } });
    await driver.replayed();
  });

  test("a failed activity throws an ActivityError with the original as its cause, which fails the execution if it is not caught", async () => {
    const pay = workflow({ name: "pay" }, async () => charge({ id: "a" }));
    const driver = await WorkflowDriver.start(pay);
    await driver.give(stimulus.failed(1, { type: "CardDeclined", message: "declined" }, "failed", 3));
    expect(driver.end).toMatchObject({
      kind: "execution_failed",
      failure: {
        type: "ActivityError",
        message: 'activity "charge" failed after 3 attempts: declined',
        details: { activity: "charge", number: 1, attempt: 3, reason: "failed" },
        cause: { type: "CardDeclined", message: "declined" },
      },
    });
  });

  test.each([
    "start_to_close",
    "schedule_to_close",
    "schedule_to_start",
    "heartbeat",
  ] as const)("an activity whose limit has passed (%s) fails with a TimeoutError as the cause", async (reason) => {
    let caught: unknown;
    const pay = workflow({ name: "pay" }, async () => {
      await charge({ id: "a" }).catch((error) => {
        caught = error;
      });
    });
    const driver = await WorkflowDriver.start(pay);
    await driver.give(stimulus.failed(1, { type: "Timeout", message: "too late" }, reason));
    expect(caught).toBeInstanceOf(ActivityError);
    expect((caught as ActivityError).cause).toBeInstanceOf(TimeoutError);
    expect((caught as { cause: TimeoutError }).cause.kind).toBe(reason);
  });

  test("code that changes a result or an input does not change the history", async () => {
    const input = { id: "a" };
    const pay = workflow({ name: "pay" }, async () => {
      const receipt = await charge(input);
      input.id = "changed";
      receipt.receipt = "changed";
      return receipt;
    });
    const driver = await WorkflowDriver.start(pay);
    await driver.give(stimulus.completed(1, { receipt: "a" }));
    expect(driver.history[1]).toMatchObject({ input: { id: "a" } });
    expect(driver.history[2]).toMatchObject({ result: { receipt: "a" } });
  });

  test("an input that JSON cannot represent is refused by the call, and the error names the place", async () => {
    const send = activity({ name: "send", input: z.any() }, async () => {});
    const pay = workflow({ name: "pay" }, async () => send({ rows: [{ amounts: new Map() }] }));
    await expect(WorkflowDriver.start(pay)).rejects.toThrow(
      'the input of activity "send".rows[0].amounts is a Map, which JSON cannot hold',
    );
  });

  test("an activity without a result gives undefined, live and on replay", async () => {
    const seen: unknown[] = [];
    const run = workflow({ name: "run" }, async () => {
      seen.push(await note());
    });
    const driver = await WorkflowDriver.start(run);
    await driver.give(stimulus.completed(1, null));
    await driver.replayed();
    expect(seen).toEqual([undefined, undefined]);
    expect(driver.end).toEqual({ kind: "execution_completed", result: null });
  });
});

describe("the end of an execution", () => {
  const failing = (error: () => unknown) =>
    workflow({ name: "failing" }, async () => {
      throw error();
    });

  test.each([
    ["WorkflowError", () => new WorkflowError("no stock", { details: { sku: 7 } })],
    ["TimeoutError", () => new TimeoutError("too late", "input")],
    ["CancelledError", () => new CancelledError("nobody asked")],
  ])("%s fails it", async (type, error) => {
    const driver = await WorkflowDriver.start(failing(error));
    expect(driver.end).toMatchObject({ kind: "execution_failed", failure: { type } });
  });

  test("an error of a user's class that extends WorkflowError fails it under the name of the class", async () => {
    class OutOfStock extends WorkflowError {}
    const driver = await WorkflowDriver.start(failing(() => new OutOfStock("none left")));
    expect(driver.end).toMatchObject({
      kind: "execution_failed",
      failure: { type: "OutOfStock", message: "none left" },
    });
  });

  test("rethrowing the cause of an ActivityError fails it, whatever class the cause has", async () => {
    const pay = workflow({ name: "pay" }, async () => {
      try {
        await charge({ id: "a" });
      } catch (error) {
        throw (error as ActivityError).cause;
      }
    });
    const driver = await WorkflowDriver.start(pay);
    await driver.give(stimulus.failed(1, { type: "TypeError", message: "x is not a function" }));
    expect(driver.end).toMatchObject({
      kind: "execution_failed",
      failure: { type: "TypeError", message: "x is not a function" },
    });
  });

  test("any other error is a bug: the run takes no decision, and the instance is poisoned", async () => {
    const driver = new WorkflowDriver(failing(() => new TypeError("x is undefined")));
    const started = { ...(await WorkflowDriver.start(workflow({ name: "x" }, async () => null))).history[0]! };
    const activation = await driver.instance.activate([started as never]);
    expect(activation).toEqual({ bug: expect.objectContaining({ message: "x is undefined" }) });
    expect(driver.instance.poisoned).toBe(true);
  });

  test("failOnAnyError makes every error a failure", async () => {
    const driver = await WorkflowDriver.start(
      failing(() => new TypeError("x is undefined")),
      {},
      { failOnAnyError: true },
    );
    expect(driver.end).toMatchObject({ kind: "execution_failed", failure: { type: "TypeError" } });
  });

  test("input that does not fit the schema fails it, and the failure names the place", async () => {
    const pay = workflow({ name: "pay", input: z.object({ customer: z.object({ id: z.string() }) }) }, async () => 1);
    const driver = await WorkflowDriver.start(pay, { customer: { id: 5 } });
    expect(driver.end).toMatchObject({
      kind: "execution_failed",
      failure: { type: "InvalidValueError", non_retryable: true, message: expect.stringContaining("customer.id: ") },
    });
  });

  test("a rejected promise that no code awaits yet ends neither the process nor the execution", async () => {
    const pay = workflow({ name: "pay" }, async () => {
      const second = (async () => charge({ id: "b" }))();
      await charge({ id: "a" });
      return second.catch((error: Error) => error.message);
    });
    const driver = await WorkflowDriver.start(pay);
    await driver.give(stimulus.failed(1));
    await new Promise((resolve) => setImmediate(resolve));
    await driver.give(stimulus.completed(2, { receipt: "a" }));
    expect(driver.end).toMatchObject({ result: { result: 'activity "charge" failed: it broke' } });
  });

  test("a bug in a branch that no code awaits is a bug of the workflow", async () => {
    const pay = workflow({ name: "pay" }, async () => {
      void (async () => {
        await charge({ id: "b" });
        throw new TypeError("in the background");
      })();
      await charge({ id: "a" });
    });
    const driver = await WorkflowDriver.start(pay);
    await expect(driver.give(stimulus.completed(1, { receipt: "b" }))).rejects.toThrow("in the background");
  });
});

describe("time", () => {
  test("now, Date and sleep follow the history, not the wall clock", async () => {
    const seen: number[] = [];
    const nap = workflow({ name: "nap" }, async () => {
      seen.push(Date.now());
      await sleep("2h");
      seen.push(Date.now());
    });
    const driver = await WorkflowDriver.start(nap);
    expect(driver.decisions).toEqual([{ kind: "timer_started", timer: 1, fire_at: START + 7_200_000 }]);
    await driver.give(stimulus.fired(1, 7_200_000));
    expect(seen).toEqual([START, START + 7_200_000]);
    await driver.replayed();
    expect(seen.slice(2)).toEqual(seen.slice(0, 2));
  });

  test("waitUntil answers true when its condition holds, and cancels its timer", async () => {
    const approve = signal("approve");
    const wait = workflow({ name: "wait", handlers: [approve] }, async () => {
      let approved = false;
      on(approve, () => {
        approved = true;
      });
      return waitUntil(() => approved, "1d");
    });
    const driver = await WorkflowDriver.start(wait);
    expect(driver.kinds).toEqual(["timer_started"]);
    await driver.give(stimulus.signal("approve"));
    expect(driver.decisions).toEqual([
      { kind: "timer_cancelled", timer: 1 },
      { kind: "execution_completed", result: { result: true } },
    ]);
    await driver.replayed();
  });

  test("waitUntil answers false when its timeout passes first", async () => {
    const wait = workflow({ name: "wait" }, async () => waitUntil(() => false, 5000));
    const driver = await WorkflowDriver.start(wait);
    await driver.give(stimulus.fired(1, 5000));
    expect(driver.decisions).toEqual([{ kind: "execution_completed", result: { result: false } }]);
  });

  test("of several conditions that hold, one wait ends at a time, so that a condition can guard a lock", async () => {
    const log: string[] = [];
    const lock = workflow({ name: "lock" }, async () => {
      let locked = true;
      const worker = async (name: string) => {
        await waitUntil(() => !locked);
        locked = true;
        log.push(`${name} in`);
        await note();
        log.push(`${name} out`);
        locked = false;
      };
      const both = Promise.all([worker("a"), worker("b")]);
      await note();
      locked = false;
      await both;
    });
    const driver = await WorkflowDriver.start(lock);
    for (let n = 1; n <= 3; n++) await driver.give(stimulus.completed(n));
    expect(driver.instance.closed).toBe(true);
    expect(log).toEqual(["a in", "a out", "b in", "b out"]);
  });

  test("an invalid duration is refused, and the error names the call", async () => {
    const nap = workflow({ name: "nap" }, async () => sleep("2 fortnights" as never));
    await expect(WorkflowDriver.start(nap)).rejects.toThrow('sleep(): "2 fortnights" is not a duration');
  });
});

describe("cancellation", () => {
  test("is thrown where the workflow waits, cancels the activity, and lets the code clean up", async () => {
    const pay = workflow({ name: "pay" }, async () => {
      try {
        await charge({ id: "a" });
      } catch (error) {
        if (error instanceof CancelledError) await note();
        throw error;
      }
    });
    const driver = await WorkflowDriver.start(pay);
    await driver.give(stimulus.cancel("changed my mind"));
    expect(driver.decisions).toEqual([
      { kind: "activity_cancel_requested", activity: 1 },
      expect.objectContaining({ kind: "activity_scheduled", activity: 2, name: "note" }),
    ]);
    await driver.give(stimulus.failed(1, { message: "cancelled" }, "cancelled"));
    expect(driver.decisions).toEqual([]);
    await driver.give(stimulus.completed(2));
    expect(driver.end).toEqual({ kind: "execution_cancelled", reason: "changed my mind" });
    await driver.replayed();
  });

  test("ends sleeps and conditions, and cancels their timers", async () => {
    const wait = workflow({ name: "wait" }, async () => {
      await Promise.all([sleep("1h"), waitUntil(() => false, "2h")]);
    });
    const driver = await WorkflowDriver.start(wait);
    await driver.give(stimulus.cancel());
    expect(driver.decisions).toEqual([
      { kind: "timer_cancelled", timer: 1 },
      { kind: "timer_cancelled", timer: 2 },
      { kind: "execution_cancelled", reason: null },
    ]);
  });

  test("a workflow that returns nevertheless is completed", async () => {
    const calm = workflow({ name: "calm" }, async () => {
      await sleep("1h").catch(() => {});
      return "done";
    });
    const driver = await WorkflowDriver.start(calm);
    await driver.give(stimulus.cancel());
    expect(driver.end).toEqual({ kind: "execution_completed", result: { result: "done" } });
  });

  test("does not reach code in uncancelled, and is thrown at the next wait after it", async () => {
    const steps: string[] = [];
    const careful = workflow({ name: "careful" }, async () => {
      await uncancelled(async () => {
        await charge({ id: "a" });
        steps.push("shielded");
        await charge({ id: "b" });
      });
      steps.push("left");
      await charge({ id: "c" });
      steps.push("never");
    });
    const driver = await WorkflowDriver.start(careful);
    await driver.give(stimulus.cancel());
    expect(driver.decisions).toEqual([]);
    await driver.give(stimulus.completed(1, { receipt: "a" }));
    await driver.give(stimulus.completed(2, { receipt: "b" }));
    expect(steps).toEqual(["shielded", "left"]);
    expect(driver.decisions).toEqual([{ kind: "execution_cancelled", reason: null }]);
  });

  test("is thrown once: a second request changes nothing", async () => {
    const pay = workflow({ name: "pay" }, async () => {
      await sleep("1h").catch(() => {});
      await note();
    });
    const driver = await WorkflowDriver.start(pay);
    await driver.give(stimulus.cancel());
    await driver.give(stimulus.cancel());
    expect(driver.decisions).toEqual([]);
    await driver.give(stimulus.completed(1));
    expect(driver.end.kind).toBe("execution_completed");
  });

  test("reaches a waiting handler and the workflow function separately", async () => {
    const poke = signal("poke");
    const two = workflow({ name: "two", handlers: [poke] }, async () => {
      on(poke, async () => {
        await sleep("1h");
      });
      await uncancelled(async () => note());
      await sleep("1d");
    });
    const driver = await WorkflowDriver.start(two);
    await driver.give(stimulus.signal("poke"));
    await driver.give(stimulus.cancel());
    expect(driver.decisions).toEqual([{ kind: "timer_cancelled", timer: 1 }]);
    await driver.give(stimulus.completed(1));
    expect(driver.end.kind).toBe("execution_cancelled");
  });

  test("cancelSignal is aborted with the reason, and a workflow may wait for it alone", async () => {
    const watch = workflow({ name: "watch" }, async () => {
      const signal = cancelSignal();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      return (signal.reason as CancelledError).reason;
    });
    const driver = await WorkflowDriver.start(watch);
    await driver.give(stimulus.cancel("enough"));
    expect(driver.end).toMatchObject({ result: { result: "enough" } });
  });
});

describe("handlers", () => {
  const add = signal("add", z.object({ amount: z.number() }));
  const total = query("total", z.object({ total: z.number() }));
  const limit = update("limit", z.object({ max: z.int() }), z.object({ was: z.number() }));
  const account = workflow({ name: "account", handlers: [add, total, limit] }, async () => {
    let sum = 0;
    let max = 10;
    let open = true;
    on(add, ({ amount }) => {
      sum += amount;
      if (sum >= max) open = false;
    });
    on(total, () => ({ total: sum }));
    on(
      limit,
      async (input) => {
        await note();
        const was = max;
        max = input.max;
        if (sum >= max) open = false;
        return { was };
      },
      {
        validate: ({ max }) => {
          if (max < sum) throw new WorkflowError(`the sum is ${sum} already`);
        },
      },
    );
    await waitUntil(() => !open);
    return sum;
  });

  test("signals reach their handler in order, and queries see the state", async () => {
    const driver = await WorkflowDriver.start(account);
    await driver.give(stimulus.signal("add", { amount: 2 }), stimulus.signal("add", { amount: 3 }));
    expect(driver.instance.query("total", null)).toEqual({ total: 5 });
    expect((await driver.replayed()).query("total", null)).toEqual({ total: 5 });
    await driver.give(stimulus.signal("add", { amount: 5 }));
    expect(driver.end).toMatchObject({ result: { result: 10 } });
  });

  test("a signal marked as ignored never reaches the code", async () => {
    const driver = await WorkflowDriver.start(account);
    await driver.give({ ...stimulus.signal("add", { amount: 99 }), ignored: "why not" } as never);
    expect(driver.instance.query("total", {})).toEqual({ total: 0 });
    expect((await driver.replayed()).query("total", {})).toEqual({ total: 0 });
  });

  test("an update may use activities, and its answer is recorded", async () => {
    const driver = await WorkflowDriver.start(account);
    await driver.give(stimulus.update("limit", { max: 20 }));
    expect(driver.kinds).toEqual(["activity_scheduled"]);
    await driver.give(stimulus.completed(1));
    expect(driver.decisions).toEqual([
      { kind: "update_completed", message: "update#limit", name: "limit", result: { was: 10 } },
    ]);
    await driver.replayed();
  });

  test("several updates run at once", async () => {
    const driver = await WorkflowDriver.start(account);
    await driver.give(stimulus.update("limit", { max: 20 }, "u1"), stimulus.update("limit", { max: 30 }, "u2"));
    await driver.give(stimulus.completed(2));
    await driver.give(stimulus.completed(1));
    expect(driver.history.filter((e) => e.kind === "update_completed")).toMatchObject([
      { message: "u2", result: { was: 10 } },
      { message: "u1", result: { was: 30 } },
    ]);
  });

  test("an update whose handler fails is answered with the failure, and the execution goes on", async () => {
    const risky = update("risky");
    const flow = workflow({ name: "flow", handlers: [risky] }, async () => {
      on(risky, async () => {
        await charge({ id: "x" });
      });
      await sleep("1h");
    });
    const driver = await WorkflowDriver.start(flow);
    await driver.give(stimulus.update("risky"));
    await driver.give(stimulus.failed(1));
    expect(driver.decisions).toMatchObject([
      { kind: "update_failed", message: "update#risky", failure: { type: "ActivityError" } },
    ]);
    expect(driver.instance.closed).toBe(false);
  });

  test("an unfinished update is answered with a failure before the execution closes", async () => {
    const slow = update("slow");
    const flow = workflow({ name: "flow", handlers: [slow] }, async () => {
      on(slow, async () => sleep("1d"));
      await sleep("1h");
    });
    const driver = await WorkflowDriver.start(flow);
    await driver.give(stimulus.update("slow"));
    await driver.give(stimulus.fired(1));
    expect(driver.decisions).toMatchObject([
      {
        kind: "update_failed",
        message: "update#slow",
        failure: { message: 'the execution ended before update "slow" was finished' },
      },
      { kind: "execution_completed" },
    ]);
    await driver.replayed();
  });

  const go = signal("go");
  const count = update("count", z.object({ by: z.number() }), z.number());
  /** Ends at the first signal. */
  const counting = (options: { at?: (n: number) => void } = {}) =>
    workflow({ name: "counting", handlers: [go, count] }, async () => {
      let n = 0;
      on(go, () => {
        n += 1;
        options.at?.(n);
      });
      on(count, ({ by }) => {
        n += by;
        return n;
      });
      await waitUntil(() => n > 0);
      return n;
    });

  test("messages that come with the one at which the workflow ends reach their handlers, and updates are answered", async () => {
    const handled: number[] = [];
    const driver = await WorkflowDriver.start(counting({ at: (n) => handled.push(n) }));
    const again = { ...stimulus.signal("go"), message: "signal#again" } as NewStimulus;
    await driver.give(stimulus.signal("go"), again, stimulus.update("count", { by: 10 }));
    expect(handled).toEqual([1, 2]);
    expect(driver.decisions).toEqual([
      { kind: "update_completed", message: "update#count", name: "count", result: 12 },
      { kind: "execution_completed", result: { result: 1 } },
    ]);
    expect(driver.history.at(-1)).toMatchObject({ kind: "execution_completed", decided: 4 });
    expect((await driver.replayed()).closed).toBe(true);
  });

  test("stimuli that were recorded before reach a run that continues as new, later ones are left to the next run", async () => {
    const handled: unknown[] = [];
    const step = signal("step", z.object({ n: z.number() }));
    const flow = workflow({ name: "flow", handlers: [step] }, async () => {
      on(step, ({ n }) => void handled.push(n));
      await waitUntil(() => handled.length > 0);
      return continueAsNew({});
    });
    const send = (n: number) => ({ ...stimulus.signal("step", { n }), message: `signal#${n}` }) as NewStimulus;
    const driver = await WorkflowDriver.start(flow);
    await driver.give(send(1), send(2));
    expect(driver.history.at(-1)).toMatchObject({ kind: "execution_continued", decided: 2 });
    handled.length = 0;
    // The same history, in which both signals were recorded without decisions.
    const { instance } = new WorkflowDriver(flow);
    await instance.replay(driver.history.filter(({ kind }) => kind !== "execution_continued"));
    const activation = await instance.activate([{ ...send(3), id: 4, at: START + 9_000 } as never]);
    expect(handled).toEqual([1, 2]);
    expect(activation).toMatchObject({ decided: 3, closed: true, decisions: [{ kind: "execution_continued" }] });
  });

  test("a bug of a handler that runs after the workflow function has ended is a bug of the code, not lost", async () => {
    const flow = counting({
      at: (n) => {
        if (n > 1) throw new TypeError("not a function");
      },
    });
    const driver = await WorkflowDriver.start(flow);
    const again = { ...stimulus.signal("go"), message: "signal#again" } as NewStimulus;
    await expect(driver.give(stimulus.signal("go"), again)).rejects.toThrow("not a function");
  });

  test("a failure of such a handler leaves the outcome as it is, and is logged", async () => {
    const warnings: string[] = [];
    const flow = counting({
      at: (n) => {
        if (n > 1) throw new WorkflowError("too many");
      },
    });
    const driver = await WorkflowDriver.start(flow, {}, { log: { ...silent, warn: (text) => warnings.push(text) } });
    const again = { ...stimulus.signal("go"), message: "signal#again" } as NewStimulus;
    await driver.give(stimulus.signal("go"), again);
    expect(driver.end).toEqual({ kind: "execution_completed", result: { result: 1 } });
    expect(warnings).toEqual(["code failed after the workflow function had ended: the outcome stays"]);
  });

  test("a signal whose handler the end cuts off, or that never had one, is named in a warning, once", async () => {
    const slow = signal("slow");
    const kept = signal("kept");
    const flow = workflow({ name: "flow", handlers: [slow, kept] }, async () => {
      on(slow, async () => sleep("1d"));
      await sleep("1h");
    });
    const warned: unknown[] = [];
    const log = { ...silent, warn: (text: string, fields?: object) => warned.push([text, fields]) };
    const driver = await WorkflowDriver.start(flow, {}, { log });
    const again = { ...stimulus.signal("slow"), message: "signal#again" } as NewStimulus;
    await driver.give(stimulus.signal("slow"), again, stimulus.signal("kept"));
    await driver.give(stimulus.fired(1));
    expect(driver.end).toMatchObject({ kind: "execution_completed" });
    const of = expect.objectContaining({ execution: "order-1", workflow: "flow" });
    expect(warned).toEqual([
      [expect.stringContaining('the execution ended while 2 handlers of signal "slow" had not finished'), of],
      [expect.stringContaining('the execution ended without handling a signal "kept"'), of],
    ]);
    await driver.replayed();
    expect(warned).toHaveLength(2);
  });

  test("an activity that nobody awaits is named in a warning when the execution completes, once", async () => {
    const flow = workflow({ name: "flow" }, async () => {
      void note();
      await sleep("1h");
    });
    const warned: string[] = [];
    const log = { ...silent, warn: (text: string) => warned.push(text) };
    const driver = await WorkflowDriver.start(flow, {}, { log });
    await driver.give(stimulus.fired(1));
    expect(driver.end).toMatchObject({ kind: "execution_completed" });
    expect(warned).toEqual([expect.stringContaining('the execution ended while activity 1 "note" had no outcome yet')]);
    await driver.replayed();
    expect(warned).toHaveLength(1);
  });

  test("an update that ends the workflow is still answered with its result", async () => {
    const finish = update("finish", undefined, z.string());
    const flow = workflow({ name: "flow", handlers: [finish] }, async () => {
      let done = false;
      on(finish, () => {
        done = true;
        return "bye";
      });
      await waitUntil(() => done);
    });
    const driver = await WorkflowDriver.start(flow);
    await driver.give(stimulus.update("finish"));
    expect(driver.kinds).toEqual(["update_completed", "execution_completed"]);
    await driver.replayed();
  });

  test("messages that arrive before their handlers are kept, and delivered in the order of their arrival across handlers", async () => {
    const late = workflow({ name: "late", handlers: [add, limit] }, async () => {
      await note();
      const seen: unknown[] = [];
      on(add, ({ amount }) => void seen.push(amount));
      on(limit, ({ max }) => {
        seen.push(max);
        return { was: 0 };
      });
      await sleep(1000);
      return seen;
    });
    const driver = await WorkflowDriver.start(late);
    await driver.give(
      stimulus.signal("add", { amount: 1 }),
      stimulus.update("limit", { max: 5 }),
      stimulus.signal("add", { amount: 2 }),
    );
    expect(driver.decisions).toEqual([]);
    await driver.give(stimulus.completed(1));
    expect(driver.kinds).toEqual(["timer_started", "update_completed"]);
    await driver.give(stimulus.fired(1));
    expect(driver.end).toMatchObject({ result: { result: [1, 5, 2] } });
    await driver.replayed();
  });

  test("an unknown name is refused, and the error lists the known ones", async () => {
    const { instance } = await WorkflowDriver.start(account);
    expect(() => instance.query("sum", null)).toThrow(
      'workflow "account" has no query "sum": its queries are "total".',
    );
    expect(instance.checkSignal("ad", null)).toBe('workflow "account" has no signal "ad": its signals are "add".');
    expect(instance.checkUpdate("limits", null)).toMatchObject({
      status: 404,
      failure: { message: expect.stringContaining('"limit"') },
    });
  });

  test("input that does not fit is refused, and the error names the place", async () => {
    const { instance } = await WorkflowDriver.start(account);
    expect(instance.checkSignal("add", { amount: "5" })).toContain("amount: ");
    expect(instance.checkUpdate("limit", { max: 1.5 })).toMatchObject({
      status: 422,
      failure: { message: expect.stringContaining("max: ") },
    });
    expect(instance.checkSignal("add", { amount: 5, more: true })).toBeNull();
  });

  test("a validator reads the state and refuses an update before it is recorded", async () => {
    const driver = await WorkflowDriver.start(account);
    await driver.give(stimulus.signal("add", { amount: 7 }));
    expect(driver.instance.checkUpdate("limit", { max: 5 })).toEqual({
      status: 422,
      failure: expect.objectContaining({ type: "WorkflowError", message: "the sum is 7 already" }),
    });
    expect(driver.instance.checkUpdate("limit", { max: 8 })).toBeNull();
  });

  test("query handlers can neither take decisions nor wait", async () => {
    const asks = query("asks");
    const waits = query("waits");
    const flow = workflow({ name: "flow", handlers: [asks, waits] }, async () => {
      on(asks, () => void note().catch(() => {}));
      on(waits, async () => 1);
      await sleep("1h");
    });
    const { instance } = await WorkflowDriver.start(flow);
    expect(() => instance.query("waits", null)).toThrow("a query handler answered a promise");
    instance.query("asks", null);
    expect(instance.waitingOn()).toEqual([expect.stringContaining("timer 1")]);
  });

  test("a query whose handler is not attached yet is refused, and the error says so", async () => {
    const early = workflow({ name: "early", handlers: [total] }, async () => {
      await note();
      on(total, () => ({ total: 0 }));
    });
    const { instance } = await WorkflowDriver.start(early);
    expect(() => instance.query("total", null)).toThrow('has not attached a handler of query "total" yet');
  });

  test("on refuses a handler that the workflow does not declare", async () => {
    const flow = workflow({ name: "flow" }, async () => on(add, () => {}));
    await expect(WorkflowDriver.start(flow)).rejects.toThrow("List it in workflow({ handlers: […] })");
  });

  test("a failure in a signal handler fails the execution, and a bug in it is a bug of the workflow", async () => {
    const boom = signal("boom", z.object({ bug: z.boolean() }));
    const flow = workflow({ name: "flow", handlers: [boom] }, async () => {
      on(boom, ({ bug }) => {
        throw bug ? new TypeError("oops") : new WorkflowError("boom");
      });
      await sleep("1h");
    });
    const failing = await WorkflowDriver.start(flow);
    await failing.give(stimulus.signal("boom", { bug: false }));
    expect(failing.end.kind).toBe("execution_failed");
    const broken = await WorkflowDriver.start(flow);
    await expect(broken.give(stimulus.signal("boom", { bug: true }))).rejects.toThrow("oops");
  });
});

describe("continuing, and information about the run", () => {
  test("continueAsNew ends the run with the next input and a run id that follows from this one", async () => {
    const loop = workflow({ name: "loop", input: z.object({ n: z.int() }) }, async ({ n }) => {
      await note();
      return continueAsNew({ n: n + 1 });
    });
    const driver = await WorkflowDriver.start(loop, { n: 1 });
    await driver.give(stimulus.completed(1));
    expect(driver.end).toMatchObject({
      kind: "execution_continued",
      workflow: "loop",
      input: { n: 2 },
      run: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    await driver.replayed();
  });

  test("a continuation that is not returned, or does not fit the input schema, is a bug", async () => {
    const forgetful = workflow({ name: "forgetful" }, async () => void continueAsNew({}));
    await expect(WorkflowDriver.start(forgetful)).rejects.toThrow("return continueAsNew(input)");
    const wrong = workflow({ name: "wrong", input: z.object({ n: z.int() }) }, async () => continueAsNew({ n: 2.5 }));
    await expect(WorkflowDriver.start(wrong, { n: 1 })).rejects.toThrow("does not fit its schema: n: ");
    const list = workflow({ name: "list" }, async () => continueAsNew([1] as object as Record<string, unknown>));
    await expect(WorkflowDriver.start(list)).rejects.toThrow("continueAsNew() must be an object");
  });

  test("historyIsLong turns true for few but large events", async () => {
    const seen: boolean[] = [];
    const grow = workflow({ name: "grow" }, async () => {
      for (let i = 0; i < 3; i++) {
        await charge({ id: "a" });
        seen.push(historyIsLong());
      }
    });
    const driver = await WorkflowDriver.start(grow);
    await driver.give(stimulus.completed(1, { receipt: "small" }));
    await driver.give(stimulus.completed(2, { receipt: "x".repeat(11_000_000) }));
    expect(seen).toEqual([false, true]);
  });

  test("executionInfo gives the ids and limits of the run", async () => {
    const who = workflow({ name: "who" }, async () => executionInfo());
    const driver = await WorkflowDriver.start(who);
    expect(driver.end).toMatchObject({
      result: {
        execution: "order-1",
        workflow: "who",
        deployment: "demo",
        startedAt: START,
        deadline: null,
        parent: null,
        root: "order-1",
        historyLength: 1,
      },
    });
  });
});

describe("fan-out", () => {
  test("parallel keeps the order of the items and the limit", async () => {
    const fan = workflow({ name: "fan" }, async () =>
      parallel(["a", "b", "c"], async (id) => (await charge({ id })).receipt, { concurrency: 2 }),
    );
    const driver = await WorkflowDriver.start(fan);
    expect(driver.decisions).toHaveLength(2);
    await driver.give(stimulus.completed(2, { receipt: "B" }));
    expect(driver.decisions).toMatchObject([{ activity: 3, input: { id: "c" } }]);
    await driver.give(stimulus.completed(3, { receipt: "C" }), stimulus.completed(1, { receipt: "A" }));
    expect(driver.end).toMatchObject({ result: { result: ["A", "B", "C"] } });
    await driver.replayed();
  });

  test("parallel throws the first error and begins no further item", async () => {
    const fan = workflow({ name: "fan" }, async () =>
      parallel(10, async (index) => charge({ id: String(index) }), { concurrency: 2 }),
    );
    const driver = await WorkflowDriver.start(fan);
    await driver.give(stimulus.failed(2));
    expect(driver.kinds).toEqual(["execution_failed"]);
  });

  test("parallel asks an async generator for the next item only when a slot is free", async () => {
    const asked: number[] = [];
    const fan = workflow({ name: "fan" }, async () => {
      async function* pages() {
        for (let page = 0; page < 4; page++) {
          asked.push(page);
          yield page;
        }
      }
      return parallel(pages(), async (page) => (await charge({ id: String(page) })).receipt, { concurrency: 1 });
    });
    const driver = await WorkflowDriver.start(fan);
    expect(asked).toEqual([0]);
    for (let n = 1; n <= 4; n++) await driver.give(stimulus.completed(n, { receipt: `${n}` }));
    expect(driver.end).toMatchObject({ result: { result: ["1", "2", "3", "4"] } });
  });
});

describe("what code passes to the worker is read within its frame first, so that the watchdog names it", () => {
  const frames: (string | undefined)[] = [];
  const spy = {
    get told() {
      frames.push(currentFrame()?.kind);
      return "told";
    },
  };
  class Odd extends Error {
    override get message() {
      return spy.told;
    }
  }

  test.each([
    ["a bug", () => Promise.reject(new Odd())],
    ["a bug that is no error", () => Promise.reject(spy)],
    ["the cause of a bug", () => Promise.reject(new TypeError("x", { cause: new Odd() }))],
    ["fields of the log", async () => log.info("x", { deep: { toJSON: () => spy.told } })],
    ["a getter of the fields", async () => log.info("x", spy)],
  ])("%s", async (_, fn) => {
    frames.length = 0;
    const read = { ...silent, info: (_: string, fields?: unknown) => void JSON.stringify(fields) };
    const odd = workflow({ name: "odd" }, async () => void (await fn()));
    await WorkflowDriver.start(odd, {}, { log: read }).catch(() => {});
    expect(frames[0]).toBe("workflow");
  });
});
