import { expect, test } from "vitest";
import * as z from "zod";
import {
  activity,
  child,
  continueAsNew,
  on,
  query,
  signal,
  sleep,
  update,
  WorkflowError,
  waitUntil,
  workflow,
} from "../index.ts";
import { replay, testEnvironment } from "./index.ts";

const charge = activity(
  { name: "charge", input: z.object({ amount: z.number() }), output: z.object({ receipt: z.string() }) },
  async ({ amount }) => ({ receipt: `r-${amount}` }),
);
const approve = signal("approve", z.object({ by: z.string() }));
const status = query("status", z.string());
const rename = update("rename", z.object({ to: z.string().min(2) }), z.object({ was: z.string() }));

const order = workflow(
  { name: "order", input: z.object({ amount: z.number() }), handlers: [approve, status, rename], timeout: "60 days" },
  async ({ amount }) => {
    let by: string | null = null;
    let name = "first";
    on(approve, (input) => {
      by = input.by;
    });
    on(status, () => (by ? `approved by ${by}` : "waiting"));
    on(rename, ({ to }) => {
      const was = name;
      name = to;
      return { was };
    });
    if (!(await waitUntil(() => by !== null, "14 days"))) throw new WorkflowError("nobody approved");
    const { receipt } = await charge({ amount });
    return { receipt, by, name };
  },
);
const options = { workflows: [order], activities: [charge] };

test("a workflow waits for its signal, answers queries and updates, and completes", async () => {
  await using env = await testEnvironment(options);
  const run = await env.start(order, { amount: 5 });
  expect(await run.query(status)).toBe("waiting");
  expect(await run.update(rename, { to: "second" })).toEqual({ was: "first" });
  await env.advance("3 days");
  await run.signal(approve, { by: "ada" });
  expect(await run.result()).toEqual({ receipt: "r-5", by: "ada", name: "second" });
  expect(env.now.toISOString()).toBe("2026-01-04T00:00:00.000Z");
});

test("a signal or an update that needs no input is sent without one, and its handler sees an empty object", async () => {
  const pay = signal("pay");
  const bump = update("bump");
  const tip = signal("tip", z.object({ amount: z.number().optional() }));
  const shop = workflow({ name: "shop", handlers: [pay, bump, tip] }, async () => {
    const got: unknown[] = [];
    on(bump, (input) => input);
    on(tip, ({ amount = 5 }) => void got.push(amount));
    on(pay, (input) => void got.push(input));
    await waitUntil(() => got.length === 4);
    return got;
  });
  await using env = await testEnvironment({ workflows: [shop] });
  const run = await env.start(shop, {});
  expect(await run.update(bump)).toEqual({});
  expect(await run.update(bump, { by: 2 })).toEqual({ by: 2 });
  await run.signal(tip);
  await run.signal(pay);
  await run.signal(pay, { cash: true });
  expect((await env.api("POST", `/v1/workflows/executions/${run.id}/signals`, { name: "pay" })).status).toBe(202);
  expect(await run.result()).toEqual([5, {}, { cash: true }, {}]);
  // @ts-expect-error: this one needs an input
  await expect(run.signal(approve)).rejects.toThrow();
});

test("a wait times out at exactly its time", async () => {
  await using env = await testEnvironment(options);
  const run = await env.start(order, { amount: 5 });
  await env.advance("13 days");
  expect(await run.status()).toBe("RUNNING");
  await env.advance("1 day");
  expect(await run.status()).toBe("FAILED");
  await expect(run.result()).rejects.toThrow("nobody approved");
});

test("failed attempts are retried with back-off", async () => {
  await using env = await testEnvironment(options);
  env.failNext(charge, new Error("card reader on fire"), 2);
  const run = await env.start(order, { amount: 1 });
  await run.signal(approve, { by: "b" });
  expect(env.attempts(charge)).toBe(1);
  await env.advance("999 ms");
  expect(env.attempts(charge)).toBe(1);
  await env.advance("1 ms");
  expect(env.attempts(charge)).toBe(2);
  expect(await run.result()).toMatchObject({ receipt: "r-1" });
  expect(env.attempts(charge)).toBe(3);
});

test("another worker runs the activity of a killed worker again", async () => {
  await using env = await testEnvironment({ ...options, workers: 2, activityPatienceMs: 20 });
  let entered = 0;
  env.stub(charge, async ({ amount }) => {
    entered += 1;
    if (entered === 1) await new Promise(() => {}); // dies with its worker
    return { receipt: `second-${amount}` };
  });
  const run = await env.start(order, { amount: 7 });
  await run.signal(approve, { by: "c" });
  expect(entered).toBe(1);
  await env.killWorker();
  await env.killWorker();
  await env.addWorker();
  const before = env.now.getTime();
  expect(await run.result()).toMatchObject({ receipt: "second-7" });
  expect(env.now.getTime() - before).toBeLessThanOrEqual(30_000);
  expect(entered).toBe(2);
});

test("a loop of continueAsNew is slowed to one run every 6 s after ten", async () => {
  const loop = workflow({ name: "loop", input: z.object({ left: z.number() }), timeout: null }, async ({ left }) =>
    left > 0 ? continueAsNew({ left: left - 1 }) : "done",
  );
  await using env = await testEnvironment({ workflows: [loop] });
  const run = await env.start(loop, { left: 20 });
  expect(await run.result()).toBe("done");
  expect(env.now.toISOString()).toBe("2026-01-01T00:01:00.000Z");
});

test("an execution times out, children and continue-as-new work, and the error for a result that cannot come says why", async () => {
  const leaf = workflow({ name: "leaf", input: z.object({ n: z.number() }), timeout: "2h" }, async ({ n }) => {
    await sleep("1h");
    return n * 2;
  });
  const chain = workflow({ name: "chain", input: z.object({ left: z.number() }), timeout: null }, async ({ left }) => {
    const doubled = await child(leaf, { n: left });
    if (left > 0) return continueAsNew({ left: left - 1 });
    return { doubled };
  });
  const stuck = workflow({ name: "stuck", handlers: [approve], timeout: null }, async () => {
    await waitUntil(() => false);
    return null;
  });
  const slow = workflow({ name: "slow", timeout: "10 minutes" }, async () => sleep("1 day"));
  await using env = await testEnvironment({ workflows: [leaf, chain, stuck, slow] });
  const run = await env.start(chain, { left: 3 });
  expect(await run.result()).toEqual({ doubled: 0 });
  expect(env.now.toISOString()).toBe("2026-01-01T04:00:00.000Z");
  const waiting = await env.start(stuck, {});
  await expect(waiting.result()).rejects.toThrow(/waits for a message/);
  const late = await env.start(slow, {});
  await expect(late.result()).rejects.toThrow(/TIMED_OUT: its time limit of \d+ s passed/);
});

test("a thousand simulated days pass quickly, and their history replays", async () => {
  const daily = workflow({ name: "daily", input: z.object({ days: z.number() }), timeout: null }, async ({ days }) => {
    let total = 0;
    for (let i = 0; i < days; i++) {
      await sleep("1 day");
      total += (await charge({ amount: i })).receipt.length;
    }
    return { total };
  });
  await using env = await testEnvironment({ workflows: [daily], activities: [charge] });
  const run = await env.start(daily, { days: 1000 });
  const began = performance.now();
  await env.advance("1000 days");
  console.log(`1000 days in ${Math.round(performance.now() - began)} ms`);
  expect(await run.status()).toBe("COMPLETED");
  const events = await run.history();
  await replay(daily, { events });
  const changed = workflow(
    { name: "daily", input: z.object({ days: z.number() }), timeout: null },
    async ({ days }) => {
      for (let i = 0; i < days; i++) await sleep("2 days");
      return { total: 0 };
    },
  );
  await expect(replay(changed, { events })).rejects.toThrow(
    new RegExp(`Definition ${daily.hash} recorded it, and definition ${changed.hash} replays it`),
  );
});
