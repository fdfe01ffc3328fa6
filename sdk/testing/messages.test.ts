/** What becomes of acknowledged messages: their order, deadlines, and the end of the run. */
import { expect, test } from "vitest";
import * as z from "zod";
import { activity, continueAsNew, on, signal, sleep, update, waitUntil, workflow } from "../index.ts";
import { testEnvironment } from "./index.ts";

const item = signal("item", z.object({ n: z.int() }));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test("messages that were accepted before a worker looked reach their handlers before the run ends, updates their callers", async () => {
  const go = signal("go");
  const add = update("add", z.object({ n: z.int() }), z.int());
  const adding = workflow({ name: "adding", handlers: [go, add], timeout: null }, async () => {
    let n = 0;
    on(go, () => {
      n += 1;
    });
    on(add, (x) => {
      n += x.n;
      return n;
    });
    await waitUntil(() => n > 0);
    return { n };
  });
  await using env = await testEnvironment({ workflows: [adding] });
  const run = await env.start(adding, {});
  await env.killWorker();
  await run.signal(go);
  const answer = run.update(add, { n: 10 });
  await env.addWorker();
  await env.advance("2m");
  expect(await answer).toBe(11);
  expect(await run.result()).toEqual({ n: 1 });
});

test("the function of a signal may return anything, because nobody gets it", async () => {
  const collecting = workflow({ name: "collecting", handlers: [item], timeout: null }, async () => {
    const seen = new Map<number, unknown>();
    on(item, (x) => seen.set(x.n, x)); // a Map, which JSON cannot hold
    await waitUntil(() => seen.size === 2);
    return { seen: seen.size };
  });
  await using env = await testEnvironment({ workflows: [collecting] });
  const run = await env.start(collecting, {});
  await run.signal(item, { n: 1 });
  await run.signal(item, { n: 2 });
  expect(await run.result()).toEqual({ seen: 2 });
});

test("a validator that the first step attaches refuses updates also in a worker that has only replayed", async () => {
  const set = update("set", z.object({ n: z.int() }), z.int());
  const handled: number[] = [];
  const setting = workflow({ name: "setting", handlers: [set], timeout: null }, async () => {
    let n = 0;
    const validate = (x: { n: number }) => {
      if (x.n < 0) throw new Error("n must not be negative");
    };
    on(
      set,
      (x) => {
        handled.push(x.n);
        n = x.n;
        return n;
      },
      { validate },
    );
    await waitUntil(() => n > 0);
    return n;
  });
  await using env = await testEnvironment({ workflows: [setting] });
  const run = await env.start(setting, {});
  await env.killWorker();
  const refused = expect(run.update(set, { n: -1 })).rejects.toThrow("n must not be negative");
  const accepted = run.update(set, { n: 5 });
  await env.addWorker();
  await env.advance("2m");
  await refused;
  expect(await accepted).toBe(5);
  expect(await run.result()).toBe(5);
  expect(handled).toEqual([5]);
});

test("handlers see signals in the order in which they were acknowledged, whatever the clock says", async () => {
  const collect = workflow({ name: "collect", handlers: [item], timeout: null }, async () => {
    const seen: number[] = [];
    on(item, ({ n }) => {
      seen.push(n);
    });
    await waitUntil(() => seen.length === 24);
    return seen;
  });
  await using env = await testEnvironment({ workflows: [collect] });
  const run = await env.start(collect, {});
  await env.killWorker();
  for (const n of numbers(0, 24)) await run.signal(item, { n });
  await env.addWorker();
  await env.advance("2m");
  expect(await run.result()).toEqual(numbers(0, 24));
});

test("the order holds over the runs of a chain", async () => {
  const Had = z.object({ had: z.array(z.int()) });
  const chained = workflow({ name: "chained", input: Had, handlers: [item], timeout: null }, async ({ had }) => {
    const seen: number[] = [];
    on(item, ({ n }) => {
      seen.push(n);
    });
    await waitUntil(() => seen.length >= 3);
    const all = [...had, ...seen];
    return all.length === 12 ? all : continueAsNew({ had: all });
  });
  await using env = await testEnvironment({ workflows: [chained] });
  const run = await env.start(chained, { had: [] });
  await env.killWorker();
  for (const n of numbers(0, 12)) await run.signal(item, { n });
  await env.addWorker();
  await env.advance("2m");
  expect(await run.result()).toEqual(numbers(0, 12));
});

const approve = signal("approve");
const approval = workflow({ name: "approval", handlers: [approve], timeout: null }, async () => {
  let approved = false;
  on(approve, () => {
    approved = true;
  });
  return { in_time: await waitUntil(() => approved, "1h") };
});

test.each([
  ["5m", true],
  ["10m", false],
  ["20m", false],
] as const)("an approval %s after the fiftieth minute, met by a late worker, is in time: %s", async (after, inTime) => {
  await using env = await testEnvironment({ workflows: [approval] });
  const run = await env.start(approval, {});
  await env.advance("50m");
  await env.killWorker();
  await env.advance(after);
  await run.signal(approve);
  await env.advance("30m");
  await env.addWorker();
  await env.advance("5m");
  expect(await run.result()).toEqual({ in_time: inTime });
});

test("an approval that was in time stays so while broken code waits for its repair beyond the deadline", async () => {
  let broken = true;
  const flawed = workflow(
    { name: "flawed", handlers: [approve], timeout: null, deterministic: false },
    async (): Promise<{ in_time: boolean }> => {
      let approved = false;
      on(approve, () => {
        if (broken) throw new TypeError("not a function");
        approved = true;
      });
      return { in_time: await waitUntil(() => approved, "1h") };
    },
  );
  await using env = await testEnvironment({ workflows: [flawed] });
  const run = await env.start(flawed, {});
  await env.advance("30m");
  await run.signal(approve);
  await env.advance("2h");
  expect(await run.status()).toBe("RUNNING");
  broken = false;
  await env.advance("5m");
  expect(await run.result()).toEqual({ in_time: true });
});

test("a signal whose handler the end of the run cuts off is named in a warning with its execution", async () => {
  const note = activity({ name: "note" }, async () => {});
  const go = signal("go");
  const hasty = workflow({ name: "hasty", handlers: [go], timeout: null }, async () => {
    let gone = false;
    on(go, async () => {
      gone = true;
      await sleep("1m");
      await note();
    });
    await waitUntil(() => gone);
  });
  const warnings: unknown[] = [];
  const none = () => {};
  const warn = (text: string, fields?: Record<string, unknown>) => warnings.push([text, fields?.execution]);
  const log = { debug: none, info: none, warn, error: none };
  await using env = await testEnvironment({ workflows: [hasty], activities: [note], log });
  const run = await env.start(hasty, {});
  await run.signal(go);
  await env.advance("5m");
  expect(await run.status()).toBe("COMPLETED");
  expect(warnings).toEqual([[expect.stringContaining('a handler of signal "go" had not finished'), run.id]]);
});
