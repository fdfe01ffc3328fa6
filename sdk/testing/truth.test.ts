/** The kit tells what a worker of production would tell, at once. */
import { describe, expect, test, vi } from "vitest";
import * as z from "zod";
import {
  type AnyWorkflow,
  activity,
  child,
  continueAsNew,
  on,
  onOneWorker,
  sleep,
  update,
  type Workflow,
  waitUntil,
  workflow,
} from "../index.ts";
import { TestWorkflowBug, testEnvironment } from "./index.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const broken = workflow({ name: "broken", timeout: null }, async () => (undefined as unknown as { x: number }).x);

describe("a bug of workflow code", () => {
  test("rejects result() at once, with its message and its stack", async () => {
    await using env = await testEnvironment({ workflows: [broken], log: quiet });
    const run = await env.start(broken, {});
    const error = await run.result().catch((error: TestWorkflowBug) => error);
    expect(error).toBeInstanceOf(TestWorkflowBug);
    expect(error).toMatchObject({
      execution: run.id,
      message: expect.stringContaining("TypeError: Cannot read properties of undefined"),
      stack: expect.stringContaining("truth.test.ts"),
      cause: expect.any(TypeError),
    });
    expect(env.now.toISOString()).toBe("2026-01-01T00:00:00.000Z");
  });

  test("in a child rejects the result of its parent", async () => {
    const parent = workflow({ name: "parent", timeout: null }, async () => child(broken));
    await using env = await testEnvironment({ workflows: [broken, parent], log: quiet });
    const run = await env.start(parent, {});
    await expect(run.result()).rejects.toThrow("TypeError: Cannot read properties of undefined");
  });

  test("that nobody awaits fails the step in which it arises, before anything of it is recorded", async () => {
    const charge = activity({ name: "charge" }, async () => null);
    const floating = workflow({ name: "floating", timeout: null }, async () => {
      void (async () => (undefined as unknown as { x: number }).x)();
      await charge();
    });
    const ending = workflow({ name: "ending", timeout: null }, async () => {
      void (async () => (undefined as unknown as { x: number }).x)();
    });
    await using env = await testEnvironment({ workflows: [floating, ending], activities: [charge], log: quiet });
    for (const definition of [floating, ending]) {
      const run = await env.start(definition, {});
      await env.advance("10m");
      expect((await run.history()).map(({ kind }) => kind)).toEqual(["execution_started", "workflow_task_failed"]);
      await expect(run.result()).rejects.toThrow("TypeError");
    }
    expect(env.attempts(charge)).toBe(0);
  });

  test("is the answer of an update that the broken code cannot give", async () => {
    const put = update("put");
    const stuck = workflow({ name: "stuck", handlers: [put], timeout: null }, async () => {
      on(put, () => (undefined as unknown as { x: number }).x);
      await sleep("1h");
    });
    await using env = await testEnvironment({ workflows: [stuck], log: quiet });
    const run = await env.start(stuck, {});
    await expect(run.update(put)).rejects.toThrow("TypeError: Cannot read properties of undefined");
  });
});

describe("an execution that can never end", () => {
  const lost = activity({ name: "lost" }, async () => null);
  const other = activity({ name: "other" }, async () => null);
  const endless = workflow({ name: "endless", timeout: null }, async () => lost());
  const waits: [string, AnyWorkflow, string][] = [
    [
      "for an activity that no worker of the test has",
      endless,
      "activity 'lost', which no worker of this test has: add it",
    ],
    ["for it in a child", workflow({ name: "parent", timeout: null }, async () => child(endless)), "activity 'lost'"],
    [
      "for a worker with sticky activities",
      workflow({ name: "session", timeout: null }, async () => onOneWorker(async () => other())),
      "onOneWorker(), and no worker of this test has one",
    ],
  ];
  test.each(waits)("rejects result() when it waits %s", async (_, definition, message) => {
    const workflows = [...new Set([definition, endless])];
    await using env = await testEnvironment({ workflows, activities: [other], log: quiet });
    const run = await env.start(definition, {});
    await expect(run.result()).rejects.toThrow(message);
  });

  test("an activity with a limit on its time in the queue fails at that limit instead", async () => {
    const limited = workflow({ name: "limited", timeout: null }, async () => lost.with({ scheduleToStart: "1m" })());
    await using env = await testEnvironment({ workflows: [limited], activities: [other], log: quiet });
    await expect((await env.start(limited, {})).result()).rejects.toThrow("ended FAILED");
  });
});

test("two workflows or two activities of one name are refused, as a worker refuses them", async () => {
  const one = workflow({ name: "same" }, async () => 1);
  const two = workflow({ name: "same" }, async () => 2);
  await expect(testEnvironment({ workflows: [one, two] })).rejects.toThrow(
    "two workflow definitions are called 'same'",
  );
  const act = activity({ name: "act" }, async () => 1);
  await expect(testEnvironment({ workflows: [one], activities: [act, act.with({ timeout: "1s" })] })).rejects.toThrow(
    "two activity definitions are called 'act'",
  );
});

test("what a worker would warn of goes to the console, unless the test takes the log", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  try {
    const loose = workflow({ name: "loose", deterministic: false }, async () => 1);
    await using env = await testEnvironment({ workflows: [loose, broken] });
    await env.start(broken, {});
    expect(warn.mock.calls.flat()).toContain("determinism is off for workflow 'loose': replay may diverge");
    expect(error.mock.calls.flat()).toContainEqual(expect.stringContaining("workflow code failed"));
  } finally {
    warn.mockRestore();
    error.mockRestore();
  }
});

test("an input that JSON cannot hold is refused where the test sends it", async () => {
  const any = workflow({ name: "any", input: z.any() as z.ZodType<{ at: unknown }> }, async () => 1);
  await using env = await testEnvironment({ workflows: [any] });
  await expect(env.start(any, { at: new Map() })).rejects.toThrow('the input of workflow "any".at is a Map');
});

describe("waits and conditions", () => {
  test("a wait or a limit whose end has passed is over at once", async () => {
    const call = activity({ name: "call", retry: { maxAttempts: 1 } }, async () => new Promise(() => {}));
    const late = workflow({ name: "late", timeout: null }, async () => {
      await sleep(-60_000);
      const held = await waitUntil(() => false, -5);
      const why = await call
        .with({ scheduleToClose: -1 })()
        .catch((error) => error.reason as string);
      return [held, why];
    });
    await using env = await testEnvironment({ workflows: [late], activities: [call], log: quiet });
    const run = await env.start(late, {});
    expect(await run.result()).toEqual([false, "schedule_to_close"]);
    await expect(
      testEnvironment({ workflows: [late] }).then(() => activity({ name: "a", timeout: -1 }, async () => 1)),
    ).rejects.toThrow("-1 is not a duration between 0 and 100 years");
  });

  test("an async condition is a bug, and an async validator refuses the update", async () => {
    const order = update("order", z.object({ n: z.int() }), z.int());
    const trusting = workflow({ name: "trusting", timeout: null }, async () => {
      const truth = async () => false;
      await waitUntil(truth as never);
    });
    const validating = workflow({ name: "validating", handlers: [order], timeout: null }, async () => {
      const validate = async ({ n }: { n: number }) => {
        if (n > 5) throw new Error("at most five");
      };
      on(order, ({ n }) => n, { validate });
      await sleep("1h");
    });
    await using env = await testEnvironment({ workflows: [trusting, validating], log: quiet });
    await expect((await env.start(trusting, {})).result()).rejects.toThrow(
      "the condition of waitUntil() answered a promise",
    );
    const run = await env.start(validating, {});
    await expect(run.update(order, { n: 1 })).rejects.toThrow("the validator of update");
  });
});

describe("an execution that continues as new without an end", () => {
  const runs = 30;
  const hot = workflow({ name: "hot", timeout: null }, async () => continueAsNew({}));
  const daily = workflow({ name: "daily", timeout: null }, async () => {
    await sleep("1 day");
    return continueAsNew({});
  });
  const parent = workflow({ name: "parent", timeout: null }, async () => child(daily));

  test.each([
    hot,
    daily,
    parent,
  ] as AnyWorkflow[])("rejects result() with its id and with what to do: $name", async (endless) => {
    await using env = await testEnvironment({ workflows: [hot, daily, parent], log: quiet });
    const run = await env.start(endless as Workflow<object, unknown>, {});
    await expect(run.result({ maxRuns: runs })).rejects.toThrow(
      /execution '.+' has continued as new through more than 30 runs and has not ended.*advance\(\)/,
    );
    expect(await run.status()).toBe("RUNNING");
  });

  test("with long runs, which no pace holds up, fails the call that waits, with its id and with what to do", async () => {
    const long = workflow({ name: "long", input: z.object({ runs: z.int() }), timeout: null }, async ({ runs }) => {
      for (let i = 0; i < 1_000; i++) void sleep("1 day");
      return runs === 1 ? { done: true } : continueAsNew({ runs: runs - 1 });
    });
    await using env = await testEnvironment({ workflows: [long], maxRunsAtOnce: 12, log: quiet });
    expect(await (await env.start(long, { runs: 13 })).result()).toEqual({ done: true });
    const message = /^execution 'endless' has continued as new more than 12 times without time moving.*maxRunsAtOnce/;
    await expect(env.start(long, { runs: 1_000 }, { id: "endless" })).rejects.toThrow(message);
    await expect(env.advance("1h")).rejects.toThrow(message);
  });

  test("has its result if it ends within the runs that the test allows", async () => {
    const counting = workflow({ name: "counting", input: z.object({ n: z.int() }), timeout: null }, async ({ n }) => {
      if (n === runs) return { n };
      return continueAsNew({ n: n + 1 });
    });
    await using env = await testEnvironment({ workflows: [counting], log: quiet });
    const run = await env.start(counting, { n: 1 });
    expect(await run.result({ maxRuns: runs })).toEqual({ n: runs });
  });
});
