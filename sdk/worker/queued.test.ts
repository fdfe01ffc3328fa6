/** Activities from the deployment's queue: attempts and deliveries, leases, limits, cancellation. */
import { expect, test } from "vitest";
import * as z from "zod";
import { DEFAULT_WORKSPACE } from "../../shared/api/auth.ts";
import type { Ports } from "../../shared/ports.ts";
import type { Delivery } from "../../shared/protocol/worker.ts";
import { type ActivityContext, ActivityError, activity, sleep, WorkflowError, workflow } from "../index.ts";
import { environment } from "../testing/environment.ts";
import type { Internals } from "../testing/internals.ts";
import type { Transport } from "./transport.ts";

const input = z.object({ n: z.number() });
const work = activity(
  { name: "work", input, output: z.unknown(), timeout: "1h", retry: { maxAttempts: 3, first: "10s" } },
  async ({ n }) => n,
);
const asks = workflow({ name: "asks", timeout: null }, async () => {
  try {
    return { ok: await work({ n: 1 }) };
  } catch (error) {
    if (!(error instanceof ActivityError)) throw error;
    return { reason: error.reason, attempt: error.attempt, cause: (error.cause as Error)?.message };
  }
});
const options = { workflows: [asks], activities: [work], workers: 2, activityPatienceMs: 10 };
/** Worker 1 has no activities; the others run them. */
const elsewhere: Internals = { runs: (_, n) => n > 1 };
const blocked = (which: (operation: string, n: number) => boolean) => (inner: Transport, n: number) => ({
  close: () => inner.close(),
  call: (async (operation, body, o) => {
    if (which(operation, n)) throw new Error("lost on the way");
    return inner.call(operation, body, o);
  }) as Transport["call"],
});

test("deliveries count the attempts, the back-off grows, and the idempotency key stays the same", async () => {
  await using env = await environment(options, elsewhere);
  const seen: [number, string, number][] = [];
  env.stub(work, (_, ctx) => {
    seen.push([ctx.attempt, ctx.idempotencyKey, env.now.getTime()]);
    throw new Error(`no ${ctx.attempt}`);
  });
  const run = await env.start(asks, {});
  expect(await run.result()).toEqual({ reason: "failed", attempt: 3, cause: "no 3" });
  expect(seen.map(([attempt]) => attempt)).toEqual([1, 2, 3]);
  expect(new Set(seen.map(([, key]) => key)).size).toBe(1);
  expect(seen.slice(1).map(([, , at], i) => at - seen[i]![2])).toEqual([10_000, 20_000]);
});

test("an attempt ends with its worker, and the next attempt gets its last heartbeat", async () => {
  await using env = await environment({ ...options, workers: 1 }, { runs: (_, n) => n > 1 });
  const seen: unknown[] = [];
  env.stub(work, async (_, ctx) => {
    seen.push([ctx.attempt, ctx.lastHeartbeat]);
    if (ctx.attempt > 1) return "done";
    ctx.heartbeat({ page: 1 });
    await new Promise(() => {});
  });
  const run = await env.start(asks, {});
  await env.addWorker();
  expect(seen).toEqual([[1, undefined]]);
  await env.killWorker();
  await env.killWorker();
  await env.addWorker();
  expect(await run.result()).toEqual({ ok: "done" });
  expect(seen).toEqual([
    [1, undefined],
    [2, { page: 1 }],
  ]);
});

test("an attempt whose lease was lost is cancelled and reports nothing: the attempt of another worker counts", async () => {
  let silent = false;
  const wire = blocked((operation, n) => silent && operation === "extend" && n === 2);
  await using env = await environment({ ...options, workers: 3 }, { ...elsewhere, wire });
  const signals: AbortSignal[] = [];
  let finish = () => {};
  env.stub(work, (_, ctx: ActivityContext) => {
    signals.push(ctx.signal);
    if (signals.length === 1) silent = true;
    return new Promise((ok, no) => {
      ctx.signal.addEventListener("abort", () => no(ctx.signal.reason));
      if (ctx.attempt > 1) finish = () => ok("second");
    });
  });
  const run = await env.start(asks, {});
  await env.advance("31s");
  silent = false;
  await env.advance("1m"); // now the first worker knows that its lease is lost
  finish();
  expect(await run.result()).toEqual({ ok: "second" });
  expect(signals.map((s) => s.aborted)).toEqual([true, false]);
});

test("an attempt that a later one has followed is cancelled by its heartbeat, and neither its details nor its failure count", async () => {
  let silent = false;
  const wire = blocked((operation, n) => silent && operation === "extend" && n === 2);
  await using env = await environment({ ...options, workers: 3 }, { ...elsewhere, wire });
  const attempts: ActivityContext[] = [];
  const ends: string[] = [];
  let finish = () => {};
  env.stub(work, (_, ctx) => {
    attempts.push(ctx);
    silent = true;
    return new Promise((ok, no) => {
      ctx.signal.addEventListener("abort", () => {
        ends.push((ctx.signal.reason as Error).message);
        no(ctx.signal.reason);
      });
      finish = () => (ctx.attempt === 2 ? no(new Error("again")) : ok(ctx.lastHeartbeat));
    });
  });
  const run = await env.start(asks, {});
  await env.advance("31s");
  attempts[1]!.heartbeat("second");
  await env.advance("2s");
  attempts[0]!.heartbeat("first");
  await env.advance("2s");
  expect(ends).toEqual(["cancellation was requested: a later attempt has begun: this one was taken for lost"]);
  finish();
  await env.advance("20s");
  finish();
  expect(await run.result()).toEqual({ ok: "second" });
  expect(attempts.map((ctx) => ctx.attempt)).toEqual([1, 2, 3]);
});

test.each([
  ["a final failure", new WorkflowError("too late", { retry: false })],
  ["a failure that would be retried", new Error("too late")],
])("a failure of an attempt that does not know of a later one does not count: %s", async (_, error) => {
  let silent = false;
  const wire = blocked((operation, n) => silent && operation === "extend" && n === 2);
  await using env = await environment({ ...options, workers: 3 }, { ...elsewhere, wire });
  const fails: ((error: Error) => void)[] = [];
  let finish = () => {};
  env.stub(work, (_, ctx) => {
    silent = true;
    return new Promise((ok, no) => {
      fails.push(no);
      finish = () => ok(ctx.attempt);
    });
  });
  const run = await env.start(asks, {});
  await env.advance("31s");
  expect(fails).toHaveLength(2);
  fails[0]!(error);
  await env.advance("5m");
  expect(await run.history()).toHaveLength(2);
  const target = `/v1/workflows/events?workflow_exec_id=${run.id}`;
  expect(JSON.stringify((await env.api("GET", target)).body)).not.toContain("ACTIVITY_TASK_RETRYING");
  finish();
  expect(await run.result()).toEqual({ ok: 2 });
  expect(fails).toHaveLength(2);
});

test("an activity does not begin after its schedule-to-close limit", async () => {
  const brief = activity({ name: "brief", scheduleToClose: "1m" }, async () => "ran");
  const calls = workflow({ name: "calls", timeout: null }, async () => {
    const reason = await brief().catch((error: ActivityError) => error.reason);
    await sleep("1h");
    return reason;
  });
  await using env = await environment({ workflows: [calls], activities: [brief] }, { runs: (_, n) => n > 1 });
  const run = await env.start(calls, {});
  await env.advance("2m");
  await env.addWorker();
  expect(await run.result()).toBe("schedule_to_close");
  expect(env.attempts(brief)).toBe(0);
});

test("an activity that no worker begins in time fails, and a worker that comes later does not begin it", async () => {
  const soon = activity({ name: "soon", scheduleToStart: "30s" }, async () => "ran");
  const calls = workflow({ name: "calls", timeout: null }, async () => {
    await soon().catch(() => {});
    await sleep("1h");
    return "after";
  });
  await using env = await environment({ workflows: [calls], activities: [soon] }, { runs: (_, n) => n > 1 });
  const run = await env.start(calls, {});
  await env.advance("30s");
  expect(await run.history()).toContainEqual(expect.objectContaining({ reason: "schedule_to_start" }));
  await env.addWorker();
  expect(env.attempts(soon)).toBe(0);
  expect(await run.result()).toBe("after");
});

test("a delivery that never reached a worker does not count as an attempt", async () => {
  const single = activity({ name: "single", retry: { maxAttempts: 1 } }, async (_, ctx) => ctx.attempt);
  const calls = workflow({ name: "calls", timeout: null }, async () => await single());
  let lose = 0;
  const wire = (inner: Transport, n: number): Transport => ({
    close: () => inner.close(),
    async call(operation, body, o) {
      const answer = await inner.call(operation, body, o);
      if (operation === "poll" && n === 2 && (answer as { deliveries: unknown[] }).deliveries.length > 0 && lose-- > 0)
        return { deliveries: [] } as never;
      return answer;
    },
  });
  lose = 1;
  await using env = await environment(
    { workflows: [calls], activities: [single], workers: 2 },
    { runs: (_, n) => n > 1, wire },
  );
  const run = await env.start(calls, {});
  expect(env.attempts(single)).toBe(0);
  await env.advance("31s");
  expect(await run.result()).toBe(1);
  expect(env.attempts(single)).toBe(1);
});

test("an attempt whose worker died counts, and was the last allowed one: the activity is lost", async () => {
  const single = activity({ name: "single", retry: { maxAttempts: 1 } }, () => new Promise(() => {}));
  const calls = workflow({ name: "calls", timeout: null }, async () => {
    try {
      return await single();
    } catch (error) {
      return [(error as ActivityError).reason, (error as ActivityError).attempt];
    }
  });
  const wire = (inner: Transport) => inner;
  const config = { workflows: [calls], activities: [single], workers: 1, activityPatienceMs: 10 };
  await using env = await environment(config, { runs: (_, n) => n !== 1, wire });
  const run = await env.start(calls, {});
  await env.addWorker();
  expect(env.attempts(single)).toBe(1);
  await env.killWorker();
  await env.killWorker();
  await env.addWorker();
  expect(await run.result()).toEqual(["lost", 1]);
  expect(env.attempts(single)).toBe(1);
});

test("an activity from the queue is cancelled in its worker when the workflow is cancelled", async () => {
  const patient = workflow({ name: "patient", timeout: null }, async () => await work({ n: 1 }));
  await using env = await environment({ ...options, workflows: [patient] }, elsewhere);
  const reasons: unknown[] = [];
  env.stub(work, (_, ctx) => {
    ctx.signal.addEventListener("abort", () => reasons.push((ctx.signal.reason as Error).name));
    return new Promise(() => {});
  });
  const run = await env.start(patient, {});
  await run.cancel();
  expect(await run.status()).toBe("CANCELED");
  await env.advance("10s");
  expect(reasons).toEqual(["CancelledError"]);
});

test("an activity that is cancelled while it waits in the queue does not begin", async () => {
  const patient = workflow({ name: "patient", timeout: null }, async () => {
    await work({ n: 1 }).catch(() => {});
    await sleep("1h");
  });
  await using env = await environment({ ...options, workers: 1, workflows: [patient] }, elsewhere);
  const run = await env.start(patient, {});
  await run.cancel();
  await env.addWorker();
  await env.advance("5s");
  expect(env.attempts(work)).toBe(0);
});

test("an error whose details are too large to record is recorded without them", async () => {
  await using env = await environment(options, elsewhere);
  env.stub(work, () => {
    throw new WorkflowError("no", { retry: false, details: "x".repeat(3_000_000) });
  });
  const run = await env.start(asks, {});
  expect(await run.result()).toMatchObject({ reason: "failed", attempt: 1, cause: "no" });
});

test("a worker without the activity passes it on, at growing intervals, and no attempt is counted", async () => {
  const single = activity({ name: "single", retry: { maxAttempts: 1 } }, async (_, ctx) => ctx.attempt);
  const calls = workflow({ name: "calls", timeout: null }, async () => await single());
  const warnings: string[] = [];
  const log = { debug() {}, info() {}, warn: (line: string) => void warnings.push(line), error() {} };
  const passed: number[] = [];
  const wire = (inner: Transport): Transport => ({
    close: () => inner.close(),
    async call(operation, body, o) {
      if (operation === "pass") passed.push(env.now.getTime());
      return inner.call(operation, body, o);
    },
  });
  const config = { workflows: [calls], activities: [single, work], workers: 2, log };
  await using env = await environment(config, { runs: (name, n) => name === "work" || n > 2, wire });
  const run = await env.start(calls, {});
  await env.advance("10m");
  expect(await run.history()).toHaveLength(2);
  const pauses = passed.slice(1).map((at, i) => at - passed[i]!);
  for (const [i, pause] of pauses.entries()) {
    const most = Math.min(60_000, 1_000 * 2 ** i);
    expect(pause).toBeGreaterThanOrEqual(most / 2);
    expect(pause).toBeLessThanOrEqual(most);
  }
  expect(new Set(pauses).size).toBe(pauses.length); // with equal intervals the task would always come to the same worker
  const warned = warnings.filter((line) => line.includes("handed back"));
  expect(warned[0]).toMatch(/activity 'single'.*it has: work/);
  expect(warned.length).toBeLessThanOrEqual(20); // two workers, once a minute each
  await env.addWorker();
  await env.advance("1m");
  expect(await run.result()).toBe(1);
  expect(env.attempts(single)).toBe(1);
});

test("an activity that no worker has fails at its schedule-to-start limit, and leaves the queue", async () => {
  const soon = activity({ name: "soon", scheduleToStart: "30s" }, async () => "ran");
  const calls = workflow({ name: "calls", timeout: null }, async () => {
    const reason = await soon().catch((error: ActivityError) => error.reason);
    await sleep("1h");
    return reason;
  });
  let ports!: Ports;
  const engine = (e: Ports) => {
    ports = e;
  };
  const config = { workflows: [calls], activities: [soon, work], workers: 2 };
  await using env = await environment(config, { runs: (name) => name === "work", engine });
  const run = await env.start(calls, {});
  await env.advance("30s");
  expect(await run.history()).toContainEqual(expect.objectContaining({ reason: "schedule_to_start" }));
  await env.advance("5m");
  const queue = { workspace: DEFAULT_WORKSPACE, deployment: "test", queue: "activity" } as const;
  expect(await ports.tasks.receive(queue, { session: "anybody", max: 9, waitMs: 0 })).toEqual([]);
  expect(await run.result()).toBe("schedule_to_start");
});

/** Counts how often an activity is passed on; `loseFirst`: its first delivery is lost on its way. */
function countPasses(o: { loseFirst: boolean }) {
  const seen = { passed: 0 };
  let lose = o.loseFirst;
  const wire = (inner: Transport): Transport => ({
    close: () => inner.close(),
    async call(operation, body, options) {
      if (operation === "pass") seen.passed += 1;
      const answer = await inner.call(operation, body, options);
      if (operation !== "poll" || !lose) return answer;
      if (!(answer as { deliveries: Delivery[] }).deliveries.some(({ task }) => task.kind === "activity"))
        return answer;
      lose = false;
      return { deliveries: [] } as never;
    },
  });
  return { seen, wire };
}

test("an activity that no worker has is not passed on after it was cancelled, and its end is recorded", async () => {
  const never = activity({ name: "never" }, async () => "ran");
  const calls = workflow({ name: "calls", timeout: null }, async () => {
    await never().catch(() => {});
    await sleep("1h");
    return "after";
  });
  const { seen, wire } = countPasses({ loseFirst: false });
  const config = { workflows: [calls], activities: [never, work], workers: 2 };
  await using env = await environment(config, { runs: (name) => name === "work", wire });
  const run = await env.start(calls, {});
  await env.advance("10s");
  await run.cancel();
  await env.advance("2m");
  expect(await run.history()).toContainEqual(
    expect.objectContaining({ kind: "activity_failed", attempt: 1, reason: "cancelled" }),
  );
  const { passed } = seen;
  await env.advance("10m");
  expect(seen).toEqual({ passed });
});

test("an activity that no worker has is not passed on after its schedule-to-start limit, even if its first delivery was lost", async () => {
  const soon = activity({ name: "soon", scheduleToStart: "45s" }, async () => "ran");
  const calls = workflow({ name: "calls", timeout: null }, async () => {
    const reason = await soon().catch((error: ActivityError) => error.reason);
    await sleep("1h");
    return reason;
  });
  const { seen, wire } = countPasses({ loseFirst: true });
  const config = { workflows: [calls], activities: [soon, work], workers: 1 };
  await using env = await environment(config, { runs: (name) => name === "work", wire });
  const run = await env.start(calls, {});
  await env.advance("3m");
  expect(await run.history()).toContainEqual(expect.objectContaining({ reason: "schedule_to_start" }));
  const { passed } = seen;
  expect(passed).toBeGreaterThan(0);
  await env.advance("10m");
  expect(seen).toEqual({ passed });
});

test("a task that has waited for days is sent anew before its next attempt, which keeps its number", async () => {
  const retried = activity(
    { name: "work", input, output: z.unknown(), retry: { maxAttempts: 0, first: "1h", max: "1h" } },
    async ({ n }): Promise<unknown> => n,
  );
  const asksForEver = workflow({ name: "asks", timeout: null }, async () => ({ ok: await retried({ n: 1 }) }));
  let renewed = 0;
  const counting = (inner: Transport) => ({
    close: () => inner.close(),
    call: (async (operation, body, o) => {
      if (operation === "renew") renewed += 1;
      return inner.call(operation, body, o);
    }) as Transport["call"],
  });
  await using env = await environment(
    { ...options, workflows: [asksForEver], activities: [retried] },
    { ...elsewhere, wire: counting },
  );
  const attempts: number[] = [];
  env.stub(retried, (_, ctx) => {
    attempts.push(ctx.attempt);
    if (attempts.length <= 100) throw new Error("down");
    return "up";
  });
  const run = await env.start(asksForEver, {});
  await env.advance("102h");
  expect(await run.result()).toEqual({ ok: "up" });
  expect(attempts).toEqual(Array.from({ length: 101 }, (_, n) => n + 1));
  expect(renewed).toBe(2); // after two days, and two days later
});
