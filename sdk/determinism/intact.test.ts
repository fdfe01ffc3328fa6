/** Workflow code cannot change functions that the rest of its worker uses. */
import fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WorkflowDriver } from "../../test/support/workflow-driver.ts";
import { activity, on, query, SandboxError, signal, sleep, unsafe, update, waitUntil, workflow } from "../index.ts";
import { replay, testEnvironment } from "../testing/index.ts";
import type { AnyWorkflow } from "../workflow/define.ts";

const { max } = Math;
const mine = (...all: number[]): number => max(...all);
const replaceMax = (): void => {
  Math.max = mine;
};
/** Nothing else of this file replaces it in a step, so that its first replacement is as if it were the first of the worker. */
const { hypot } = Math;
const replaceHypot = (): void => {
  Math.hypot = mine;
};
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const whole = globalThis as unknown as Record<string, unknown>;

const REPLACED: [string, () => unknown, () => unknown][] = [
  ["Date.now", () => Date.now, () => (Date.now = () => 5)],
  ["Date", () => whole.Date, () => (whole.Date = class {})],
  ["Math.random", () => Math.random, () => (Math.random = () => 0.5)],
  ["Math.max", () => Math.max, () => (Math.max = () => 1)],
  ["JSON.stringify", () => JSON.stringify, () => (JSON.stringify = () => '"x"')],
  ["JSON", () => whole.JSON, () => (whole.JSON = {})],
  ["fetch", () => whole.fetch, () => (whole.fetch = async () => "no")],
  ["Promise", () => whole.Promise, () => (whole.Promise = class {})],
  ["Promise.all", () => Promise.all, () => (Promise.all = (async () => []) as never)],
  ["Promise.prototype.then", () => Promise.prototype.then, () => delete (Promise.prototype as { then?: unknown }).then],
  ["Array.prototype.map", () => Array.prototype.map, () => (Array.prototype.map = () => [])],
  [
    "Array.prototype.last",
    () => ([] as never as { last: unknown }).last,
    () => ((Array.prototype as never as { last: unknown }).last = 1),
  ],
  [
    "Object.prototype.toJSON",
    () => ({}) as never as { toJSON: unknown },
    () => Object.defineProperty(Object.prototype, "toJSON", { value: () => 1, configurable: true }),
  ],
  [
    "Map.prototype.toJSON",
    () => (new Map() as never as { toJSON: unknown }).toJSON,
    () => ((Map.prototype as never as { toJSON: unknown }).toJSON = () => 1),
  ],
  ["setTimeout", () => whole.setTimeout, () => (whole.setTimeout = () => 0)],
  ["console.log", () => console.log, () => (console.log = () => {})],
  ["process.nextTick", () => process.nextTick, () => (process.nextTick = () => {})],
  ["crypto", () => whole.crypto, () => Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true })],
  ["fs.readFileSync", () => fs.readFileSync, () => (fs.readFileSync = (() => "") as never)],
  [
    "Symbol.iterator",
    () => Array.prototype[Symbol.iterator],
    () => (Array.prototype[Symbol.iterator] = (() => {}) as never),
  ],
];

describe("a workflow that replaces a function of the platform", () => {
  test.each(
    REPLACED,
  )("%s is a bug that names it, and all other code keeps the function", async (name, read, replace) => {
    const before = read();
    const after = activity({ name: "after" }, async () => null);
    const bad = workflow({ name: "bad", timeout: null }, async () => {
      await after();
      replace();
      await sleep("1m");
    });
    const good = workflow({ name: "good", timeout: null }, async () => JSON.stringify([Date.now() > 0]));
    await using env = await testEnvironment({ workflows: [bad, good], activities: [after], log: quiet });
    const run = await env.start(bad, {});
    const label = name === "Symbol.iterator" ? "Array.prototype[Symbol.iterator]" : name;
    await expect(run.result()).rejects.toThrow(`a replacement of ${label} was used inside workflow "bad"`);
    expect(read()).toEqual(before);
    expect((await run.history()).map(({ kind }) => kind)).not.toContain("timer_started");
    await expect((await env.start(good, {})).result()).resolves.toBe("[true]");
  });
});

describe("what workflow code replaces", () => {
  afterEach(() => {
    Math.max = max;
    Math.hypot = hypot;
  });

  test("in a query handler or a validator refuses that call alone", async () => {
    const ask = query("ask");
    const put = update("put");
    const end = signal("end");
    const bad = workflow({ name: "bad", handlers: [ask, put, end], timeout: null }, async () => {
      let ended = false;
      on(ask, () => {
        Math.max = mine;
        return 1;
      });
      on(put, () => 1, { validate: () => replaceMax() });
      on(end, () => {
        ended = true;
      });
      while (!ended) await sleep("1h");
      return Math.max(1, 2);
    });
    await using env = await testEnvironment({ workflows: [bad], log: quiet });
    const run = await env.start(bad, {});
    await expect(run.query(ask)).rejects.toThrow("a replacement of Math.max");
    await expect(run.update(put)).rejects.toThrow("a replacement of Math.max");
    expect(Math.max).toBe(max);
    await run.signal(end);
    await expect(run.result()).resolves.toBe(2);
  });

  test("is refused in a recorded run, at the line that does it", async () => {
    let replaces = false;
    const changed = workflow({ name: "changed" }, async () => {
      if (replaces) Math.max = mine;
      await sleep("1h");
    });
    const driver = await WorkflowDriver.start(changed);
    replaces = true;
    const history = { events: driver.history };
    const error = await replay(changed, history).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(SandboxError);
    expect((error as Error).message).toContain("a replacement of Math.max");
    expect((error as Error).stack).toContain("intact.test.ts");
    expect(Math.max).toBe(max);
  });

  test("stays if unsafe(fn) does it, or a workflow that is not deterministic", async () => {
    const one = workflow({ name: "one", timeout: null }, async () => unsafe(() => replaceHypot()));
    const two = workflow({ name: "two", deterministic: false, timeout: null }, async () => replaceHypot());
    await using env = await testEnvironment({ workflows: [one, two], log: quiet });
    for (const definition of [one, two]) {
      await (await env.start(definition, {})).result();
      expect(Math.hypot).toBe(mine);
      Math.hypot = hypot;
    }
  });
});

describe("other code may replace functions", () => {
  beforeEach(() => {
    Math.hypot = hypot;
  });
  afterEach(() => {
    vi.useRealTimers();
    Math.hypot = hypot;
  });

  test("an activity, a test's fake timers, and instrumentation before the start", async () => {
    const seen: unknown[] = [];
    const patch = activity({ name: "patch" }, async () => replaceHypot());
    const ordinary = workflow({ name: "ordinary", timeout: null }, async () => {
      await patch();
      seen.push(Math.hypot);
      await sleep("1h");
      return 7;
    });
    vi.useFakeTimers({ toFake: ["Date"], now: 5 });
    await using env = await testEnvironment({ workflows: [ordinary], activities: [patch], log: quiet });
    const run = await env.start(ordinary, {});
    await expect(run.result()).resolves.toBe(7);
    expect((await run.history()).map(({ kind }) => kind)).not.toContain("workflow_task_failed");
    expect(seen).toEqual([mine]);
    expect([Math.hypot, Date.now()]).toEqual([mine, 5]);
  });

  test("while a step of workflow code runs: the worker gives the code the step again and finds that it was not the code's", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let began = 0;
    const patched = promise.then(() => {
      Math.hypot = mine;
    });
    const innocent = workflow({ name: "innocent", timeout: null }, async () => {
      began++;
      resolve();
      await sleep("1h");
      return 7;
    });
    await using env = await testEnvironment({ workflows: [innocent], log: quiet });
    const run = await env.start(innocent, {});
    await expect(run.result()).resolves.toBe(7);
    await patched;
    expect(began).toBeGreaterThan(1);
    expect((await run.history()).map(({ kind }) => kind)).not.toContain("workflow_task_failed");
    expect(Math.hypot).toBe(mine);
  });
});

describe("executions that go on together", () => {
  const { cbrt, expm1 } = Math;
  afterEach(() => {
    for (const [key, value] of Object.entries({ cbrt, expm1 }))
      Object.defineProperty(Math, key, { value, writable: true, configurable: true });
  });
  const innocent = workflow({ name: "innocent" }, async () => sleep("1h"));
  const start = (one: AnyWorkflow, execution: string) => WorkflowDriver.start(one, {}, { execution });
  const message = (how: Promise<unknown>) => how.then(String, (error: Error) => error.message);
  const suspected = expect.stringContaining("a replacement of Math.expm1");

  test("share the comparison after the step", async () => {
    let reads = 0;
    const run = Promise.all(["1", "2", "3"].map((id) => start(innocent, id)));
    Object.defineProperty(Math, "cbrt", {
      configurable: true,
      get() {
        reads++;
        return cbrt;
      },
    });
    await run;
    expect(reads).toBe(1);
  });

  test("do not accept what one of them has replaced before the other began", async () => {
    const first = workflow({ name: "first" }, async () => {
      Math.expm1 = mine;
      await sleep("1h");
    });
    await expect(Promise.allSettled([start(first, "first"), start(innocent, "beside")])).resolves.toMatchObject([
      { status: "rejected", reason: { message: suspected } },
      { status: "fulfilled" },
    ]);
    expect(Math.expm1).toBe(expm1);
  });

  test("end well beside one that redefines a function", async () => {
    const after = activity({ name: "after" }, async () => null);
    const guilty = workflow({ name: "guilty", timeout: null }, async () => {
      await after();
      Object.defineProperty(Math, "expm1", { value: mine, writable: true, configurable: true });
      await sleep("1h");
    });
    const good = workflow({ name: "good", timeout: null }, async () => {
      for (let i = 0; i < 3; i++) await after();
    });
    await using env = await testEnvironment({ workflows: [guilty, good], activities: [after], log: quiet });
    const runs = await Promise.all([guilty, ...Array(10).fill(good)].map((one) => env.start(one, {})));
    const ends = await Promise.allSettled(runs.map((run) => run.result()));
    expect(ends.map(({ status }) => status)).toEqual(["rejected", ...Array(10).fill("fulfilled")]);
  });

  test("are compared again when one becomes quiescent later", async () => {
    const late = workflow({ name: "late" }, async () => {
      for (let i = 0; i < 10; i++) await null;
      Math.expm1 = mine;
      await sleep("1h");
    });
    const tick = new Promise<WorkflowDriver>((resolve, reject) => {
      process.nextTick(() => start(late, "2").then(resolve, reject));
    });
    const first = start(innocent, "1");
    await expect(Promise.all([first, message(tick)])).resolves.toEqual([expect.anything(), suspected]);
    expect(Math.expm1).toBe(expm1);
  });

  test("are compared again after code that tests a condition", async () => {
    const waits = workflow({ name: "waits" }, async () => {
      let tests = 0;
      await waitUntil(() => {
        tests += 1;
        if (tests > 1) Math.expm1 = mine;
        return false;
      });
    });
    await expect(Promise.all([start(innocent, "1"), message(start(waits, "2"))])).resolves.toEqual([
      expect.anything(),
      expect.stringContaining("Math.expm1"),
    ]);
    expect(Math.expm1).toBe(expm1);
  });
});
