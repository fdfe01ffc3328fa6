/** Executions that a reset takes back, driven by the workers of the kit. */
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { activity, child, on, signal, sleep, start, update, uuid, waitUntil, workflow } from "../index.ts";
import type { TestReset } from "./execution.ts";
import { testEnvironment } from "./index.ts";

const reserve = activity({ name: "reserve" }, async () => ({ place: "A1" }));
const charge = activity({ name: "charge", retry: { maxAttempts: 2, first: "1s" } }, async () => ({ receipt: "r-1" }));
const order = workflow({ name: "order" }, async () => {
  const { place } = await reserve();
  await sleep("1m");
  const { receipt } = await charge();
  return { place, receipt, key: uuid() };
});

describe("to the first failure", () => {
  test("the activity that failed runs again, what came before keeps its outcome, and no time passes meanwhile", async () => {
    await using env = await testEnvironment({ workflows: [order], activities: [reserve, charge] });
    env.failNext(charge, new Error("card reader offline"), 2);
    const run = await env.start(order, {}, { id: "o-1" });
    await expect(run.result()).rejects.toThrow("card reader offline");
    const failedAt = env.now.getTime();
    await run.reset({ to: "first_failure", reason: "the reader is online" });
    expect(env.now.getTime()).toBe(failedAt);
    expect(await run.status()).toBe("COMPLETED");
    expect(await run.result()).toMatchObject({ place: "A1", receipt: "r-1" });
    expect([env.attempts(reserve), env.attempts(charge)]).toEqual([1, 3]);
    const kinds = (await run.history()).map(({ kind }) => kind);
    expect(kinds.slice(-4)).toEqual([
      "execution_reset",
      "activity_restarted",
      "activity_completed",
      "execution_completed",
    ]);
  });

  test("a worker that died after the reset leaves nothing that another one could not finish", async () => {
    await using env = await testEnvironment({
      workflows: [order],
      activities: [reserve, charge],
      activityPatienceMs: 20,
    });
    env.failNext(charge, new Error("card reader offline"), 2);
    const run = await env.start(order, {}, { id: "o-1" });
    await expect(run.result()).rejects.toThrow("card reader offline");
    let entered = 0;
    env.stub(charge, async () => {
      entered += 1;
      if (entered === 1) await new Promise(() => {});
      return { receipt: "r-2" };
    });
    await run.reset({ to: "first_failure" });
    await env.killWorker();
    await env.addWorker();
    expect(await run.result()).toMatchObject({ place: "A1", receipt: "r-2" });
  });

  test("a child that failed is started again under a new id", async () => {
    const leg = workflow({ name: "leg" }, async () => (await charge()).receipt);
    const trip = workflow({ name: "trip" }, async () => ({ leg: await child(leg, {}) }));
    await using env = await testEnvironment({ workflows: [trip, leg], activities: [charge] });
    env.failNext(charge, new Error("no"), 2);
    const run = await env.start(trip, {}, { id: "t-1" });
    await expect(run.result()).rejects.toThrow();
    const [before] = (await run.history()).filter((event) => event.kind === "child_scheduled");
    await run.reset({ to: "first_failure" });
    expect(await run.result()).toEqual({ leg: "r-1" });
    const [after] = (await run.history()).filter((event) => event.kind === "child_scheduled");
    expect(after?.execution).not.toBe(before?.execution);
    expect(await env.execution(before?.execution ?? "").status()).toBe("FAILED");
  });
});

describe("a child that was started after the point, under an id of the code", () => {
  const leg = workflow({ name: "leg", timeout: null }, async () => {
    await sleep("1 day");
    return (await charge()).receipt;
  });
  const trip = workflow({ name: "trip", timeout: null }, async () => {
    await reserve();
    const last = start(leg, {}, { id: "leg-1" });
    return { leg: await last.result() };
  });

  test("gives way to the one that the new run starts, although it still runs", async () => {
    await using env = await testEnvironment({ workflows: [trip, leg], activities: [reserve, charge] });
    const run = await env.start(trip, {}, { id: "t-1" });
    const [before] = await env.execution("leg-1").history();
    await run.reset({ to: "last_decision" });
    expect(await run.result()).toEqual({ leg: "r-1" });
    const [after] = await env.execution("leg-1").history();
    const runOf = (event: typeof before) => (event?.kind === "execution_started" ? event.run : null);
    expect(runOf(after)).not.toBe(runOf(before));
    const { body } = await env.api("GET", `/v1/workflows/runs/${runOf(before)}`);
    expect(body).toMatchObject({ status: "TERMINATED" });
  });

  test("is kept where the point is after its start, and tells the new run its outcome", async () => {
    await using env = await testEnvironment({ workflows: [trip, leg], activities: [reserve, charge] });
    const run = await env.start(trip, {}, { id: "t-1" });
    const [before] = await env.execution("leg-1").history();
    expect(await run.result()).toEqual({ leg: "r-1" });
    await run.reset({ to: "last_decision" });
    expect(await run.result()).toEqual({ leg: "r-1" });
    expect((await env.execution("leg-1").history())[0]).toEqual(before);
  });
});

describe("to the last decision", () => {
  test("repaired code decides again on what the old code had decided wrongly", async () => {
    const flaw = { factor: 2 };
    const sum = workflow({ name: "sum" }, async () => {
      const { place } = await reserve();
      return { place, total: 21 * flaw.factor };
    });
    await using env = await testEnvironment({ workflows: [sum], activities: [reserve] });
    const run = await env.start(sum, {}, { id: "s-1" });
    expect(await run.result()).toEqual({ place: "A1", total: 42 });
    flaw.factor = 3;
    await run.reset({ to: "last_decision" });
    expect(await run.result()).toEqual({ place: "A1", total: 63 });
    expect(env.attempts(reserve)).toBe(1);
  });
});

describe("messages that came after the point", () => {
  const add = signal("add", z.object({ n: z.number() }));
  const rename = update("rename", z.object({ to: z.string() }), z.string());
  const done = signal("done");
  const till = workflow({ name: "till", handlers: [add, rename, done], timeout: null }, async () => {
    const seen: string[] = [];
    let open = true;
    on(add, ({ n }) => void seen.push(`add ${n}`));
    on(rename, ({ to }) => {
      seen.push(`rename ${to}`);
      return to;
    });
    on(done, () => {
      open = false;
    });
    await sleep("1h");
    seen.push("hour");
    await waitUntil(() => !open);
    return { seen };
  });

  /** What the code of the new run has seen, once it was told to end. */
  async function seenAfter(reset: TestReset): Promise<unknown> {
    await using env = await testEnvironment({ workflows: [till] });
    const run = await env.start(till, {}, { id: "till" });
    await run.signal(add, { n: 1 });
    await env.advance("2h");
    await run.update(rename, { to: "b" });
    await run.signal(add, { n: 2 });
    await run.reset(reset);
    await env.advance("2h");
    await run.signal(done);
    const { seen } = await run.result();
    return seen;
  }

  test("are given to the new run again in their order, beside the copied timers of their time", async () => {
    expect(await seenAfter({ event: 3 })).toEqual(["add 1", "hour", "rename b", "add 2"]);
  });

  test("are given to a run that begins from the start before the timers that it starts itself", async () => {
    expect(await seenAfter({ to: "start" })).toEqual(["add 1", "rename b", "add 2", "hour"]);
  });

  test("are left out where the caller excludes them", async () => {
    expect(await seenAfter({ to: "start", excludeSignals: true })).toEqual(["rename b", "hour"]);
    expect(await seenAfter({ to: "start", excludeUpdates: true })).toEqual(["add 1", "add 2", "hour"]);
  });
});

describe("a reset of a running execution", () => {
  test("cancels the attempt that runs, and the new run starts the activity anew", async () => {
    await using env = await testEnvironment({
      workflows: [order],
      activities: [reserve, charge],
      activityPatienceMs: 20,
    });
    let entered = 0;
    env.stub(charge, async (_, { signal }) => {
      entered += 1;
      if (entered > 1) return { receipt: "r-2" };
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      return { receipt: "never" };
    });
    const run = await env.start(order, {}, { id: "o-1" });
    await env.advance("90s");
    await run.reset({ to: "last_decision" });
    expect(await run.result()).toMatchObject({ receipt: "r-2" });
    expect(entered).toBe(2);
  });

  test("is refused where no decision was recorded, with those that were", async () => {
    await using env = await testEnvironment({ workflows: [order], activities: [reserve, charge] });
    const run = await env.start(order, {}, { id: "o-1" });
    await expect(run.reset({ event: 3 })).rejects.toMatchObject({
      status: 422,
      body: { code: "WF_1001", valid_reset_events: [2, 4] },
    });
    await expect(run.reset({ to: "first_failure" })).rejects.toMatchObject({ status: 422 });
    expect(await run.status()).toBe("RUNNING");
  });
});
