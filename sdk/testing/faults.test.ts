/** The test environment under faults and load: hanging activities, killed workers, failures on demand, many executions. */
import { expect, test } from "vitest";
import * as z from "zod";
import { ActivityError, activity, parallel, sleep, workflow } from "../index.ts";
import { VirtualClock } from "./clock.ts";
import { testEnvironment } from "./index.ts";

const work = activity(
  { name: "work", input: z.object({ n: z.number() }), output: z.number(), timeout: "10m", retry: { maxAttempts: 2 } },
  async ({ n }) => n,
);
const once = workflow({ name: "once", input: z.object({ n: z.number() }), timeout: null }, ({ n }) => work({ n }));

test("an activity that never returns holds time once for its patience, and its limit passes at exactly its time", async () => {
  await using env = await testEnvironment({ workflows: [once], activities: [work], activityPatienceMs: 30 });
  env.stub(work, () => new Promise<number>(() => {}));
  const began = performance.now();
  const run = await env.start(once, { n: 1 });
  await env.advance("9m 59s 999ms");
  expect(env.attempts(work)).toBe(1);
  await env.advance("1ms");
  expect((await run.history()).at(-1)).toMatchObject({ kind: "activity_attempt_failed", reason: "start_to_close" });
  await env.advance("1s");
  expect(env.attempts(work)).toBe(2);
  await env.advance("10m");
  expect(await run.status()).toBe("FAILED");
  expect(performance.now() - began).toBeLessThan(2_000); // twenty minutes of leases, heartbeats and reads of the inbox
});

test("an activity that fails for a weekend is retried every minute, and its history stays short", async () => {
  const page = "<p>the provider's long error page</p>".repeat(100);
  let down = true;
  let attempts = 0;
  const call = activity({ name: "call", retry: { maxAttempts: 0, first: "1m", max: "1m" } }, async (_, ctx) => {
    attempts += 1;
    expect(ctx.attempt).toBe(attempts);
    if (down) throw new Error(`502 ${page}`);
    return "back";
  });
  const calls = workflow({ name: "calls", timeout: null }, async () => ({ said: await call() }));
  await using env = await testEnvironment({ workflows: [calls], activities: [call] });
  const run = await env.start(calls, {});
  await env.advance("60h");
  expect(await run.status()).toBe("RUNNING");
  expect(attempts).toBeGreaterThan(3_500);
  expect((await run.history()).length).toBeLessThan(30);
  down = false;
  await env.advance("2m");
  expect(await run.result()).toEqual({ said: "back" });
});

test("an activity that takes real time holds virtual time", async () => {
  await using env = await testEnvironment({ workflows: [once], activities: [work] });
  env.stub(work, async ({ n }) => {
    await new Promise((ok) => setTimeout(ok, 40));
    return n * 2;
  });
  const at = env.now.getTime();
  const run = await env.start(once, { n: 4 });
  expect(await run.result()).toBe(8);
  expect(env.now.getTime()).toBe(at);
});

test("failNext throws the given error the given number of times, and then the activity works again", async () => {
  const picky = activity({ name: "picky", retry: { maxAttempts: 5, nonRetryable: ["RangeError"] } }, async () => "ok");
  const asks = workflow({ name: "asks" }, async () => {
    try {
      return await picky();
    } catch (error) {
      return error instanceof ActivityError ? `${error.attempt}: ${(error.cause as Error).name}` : "?";
    }
  });
  await using env = await testEnvironment({ workflows: [asks], activities: [picky] });
  env.failNext(picky, new RangeError("no"));
  expect(await (await env.start(asks, {})).result()).toBe("1: RangeError");
  env.failNext(picky, new Error("not yet"), 4);
  expect(await (await env.start(asks, {})).result()).toBe("ok");
  expect(env.attempts(picky)).toBe(6);
});

test("an activity of another environment is refused, and the error names it", async () => {
  await using env = await testEnvironment({ workflows: [once], activities: [work] });
  const other = activity({ name: "other" }, async () => null);
  expect(() => env.stub(other, () => null)).toThrow("'other' is not among the activities");
  expect(() => env.failNext(other, new Error())).toThrow("'other'");
});

test("two thousand executions that wake at the same millisecond all wake then", async () => {
  const naps = workflow({ name: "naps", timeout: null }, async () => {
    await sleep("1 day");
    return "awake";
  });
  await using env = await testEnvironment({ workflows: [naps] });
  const runs = [];
  for (let i = 0; i < 2_000; i++) {
    const { status } = await env.api("POST", "/v1/workflows/naps/execute", { execution_id: `nap-${i}`, input: {} });
    expect(status).toBe(200);
    runs.push(env.execution(`nap-${i}`));
  }
  await env.advance("1 day");
  const states = await Promise.all([runs[0], runs[999], runs[1_000], runs[1_999]].map((run) => run!.status()));
  expect(states).toEqual(["COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED"]);
}, 60_000);

test("executions of several killed workers are all completed by another worker", async () => {
  await using env = await testEnvironment({
    workflows: [once],
    activities: [work],
    workers: 3,
    activityPatienceMs: 10,
  });
  let calls = 0;
  env.stub(work, ({ n }) => {
    calls += 1;
    return calls <= 3 ? new Promise<number>(() => {}) : n;
  });
  const runs = await Promise.all([1, 2, 3].map((n) => env.start(once, { n })));
  expect(calls).toBe(3);
  await env.killWorker();
  await env.killWorker();
  await env.killWorker();
  await expect(env.killWorker()).rejects.toThrow("no worker left");
  await env.addWorker();
  expect(await Promise.all(runs.map((run) => run.result()))).toEqual([1, 2, 3]);
  expect(env.attempts(work)).toBe(6);
});

test("activities wait for a slot when all slots of the worker are taken", async () => {
  const fan = workflow({ name: "fan" }, async () => parallel([1, 2, 3, 4, 5, 6], (n) => work({ n })));
  await using env = await testEnvironment({ workflows: [fan], activities: [work], maxConcurrentActivities: 2 });
  let now = 0;
  let most = 0;
  env.stub(work, async ({ n }) => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((ok) => setTimeout(ok, 5));
    now -= 1;
    return n;
  });
  expect(await (await env.start(fan, {})).result()).toEqual([1, 2, 3, 4, 5, 6]);
  expect(most).toBe(2);
});

test("a run of thousands of events completes, and its history is read back whole", async () => {
  const long = workflow({ name: "long", timeout: null }, async () => {
    let sum = 0;
    for (let n = 0; n < 3_000; n++) sum += await work({ n });
    return sum;
  });
  await using env = await testEnvironment({ workflows: [long], activities: [work] });
  const run = await env.start(long, {});
  expect(await run.result()).toBe((3_000 * 2_999) / 2);
  expect(await run.history()).toHaveLength(6_002);
});

test("a virtual clock runs timers in order and drops cancelled ones", () => {
  const clock = new VirtualClock(0);
  const ran: number[] = [];
  const cancels = Array.from({ length: 5_000 }, (_, i) => clock.at(10_000 - i, () => ran.push(10_000 - i)));
  for (const [i, cancel] of cancels.entries()) if (i % 1_000 !== 0) cancel();
  expect(clock.next()).toBe(6_000);
  expect(clock.moveTo(10_000)).toBe(5);
  for (const cancel of cancels) cancel();
  expect(ran).toEqual([6_000, 7_000, 8_000, 9_000, 10_000]);
  expect(clock.next()).toBeNull();
});
