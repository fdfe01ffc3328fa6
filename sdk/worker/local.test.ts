/** Activities that run in the worker of their workflow: limits, heartbeats, retries, cancellation, other workers. */
import { expect, test } from "vitest";
import * as z from "zod";
import {
  type ActivityContext,
  ActivityError,
  activity,
  CancelledError,
  on,
  signal,
  uncancelled,
  WorkflowError,
  waitUntil,
  workflow,
} from "../index.ts";
import { environment } from "../testing/environment.ts";
import type { Transport } from "./transport.ts";

const act = activity(
  {
    name: "act",
    output: z.unknown(),
    timeout: "10m",
    heartbeatTimeout: "30s",
    retry: { maxAttempts: 3, first: "1s", factor: 3, max: "2s", nonRetryable: ["TypeError"] },
  },
  async () => "done",
);
const outcomeOfAct = async () => {
  try {
    return { ok: await act() };
  } catch (error) {
    if (!(error instanceof ActivityError)) throw error;
    return { reason: error.reason, attempt: error.attempt, cause: (error.cause as Error).name };
  }
};
const calls = workflow({ name: "calls", timeout: null }, outcomeOfAct);
const options = { workflows: [calls], activities: [act], activityPatienceMs: 10 };
const untilAborted = (ctx: ActivityContext) =>
  new Promise((_, no) => ctx.signal.addEventListener("abort", () => no(ctx.signal.reason)));

test("the waits between attempts grow up to their limit, and all attempts have one idempotency key", async () => {
  await using env = await environment(options);
  const seen: [number, string, number][] = [];
  env.stub(act, (_, ctx) => {
    seen.push([ctx.attempt, ctx.idempotencyKey, env.now.getTime()]);
    throw new Error("no");
  });
  expect(await (await env.start(calls, {})).result()).toEqual({ reason: "failed", attempt: 3, cause: "Error" });
  expect(seen.map(([attempt]) => attempt)).toEqual([1, 2, 3]);
  expect(new Set(seen.map(([, key]) => key)).size).toBe(1);
  expect([seen[1]![2] - seen[0]![2], seen[2]![2] - seen[1]![2]]).toEqual([1_000, 2_000]);
});

test("an activity is not retried after an error of a listed name or with retry: false, and waits as long as an error asks for", async () => {
  await using env = await environment(options);
  env.failNext(act, new TypeError("bug"));
  expect(await (await env.start(calls, {})).result()).toEqual({ reason: "failed", attempt: 1, cause: "TypeError" });
  env.failNext(act, new WorkflowError("never", { retry: false }));
  expect(await (await env.start(calls, {})).result()).toMatchObject({ attempt: 1, cause: "WorkflowError" });
  env.failNext(act, new WorkflowError("later", { retryAfter: "1h" }));
  const at = env.now.getTime();
  expect(await (await env.start(calls, {})).result()).toEqual({ ok: "done" });
  expect(env.now.getTime() - at).toBe(3_600_000);
});

test("an attempt ends after a silence beyond the heartbeat limit, and the next attempt gets its last details", async () => {
  await using env = await environment(options);
  const last: unknown[] = [];
  let ctx!: ActivityContext;
  env.stub(act, async (_, context) => {
    last.push(context.lastHeartbeat);
    ctx = context;
    return context.attempt === 1 ? untilAborted(context) : "second";
  });
  const run = await env.start(calls, {});
  for (let beat = 1; beat <= 5; beat++) {
    await env.advance("29s");
    ctx.heartbeat({ beat });
  }
  await env.advance("29s 999ms");
  expect(ctx.signal.aborted).toBe(false);
  await env.advance("1ms");
  expect(ctx.signal.aborted).toBe(true);
  expect(await run.result()).toEqual({ ok: "second" });
  expect(last).toEqual([undefined, { beat: 5 }]);
  expect(await run.history()).toContainEqual(
    expect.objectContaining({ kind: "activity_attempt_failed", reason: "heartbeat" }),
  );
});

test("the worker sends heartbeats one at a time, at most once a second, and the last one before the outcome", async () => {
  const beats: unknown[] = [];
  let open = 0;
  let most = 0;
  const slow: (() => void)[] = [];
  const wire = (inner: Transport): Transport => ({
    close: () => inner.close(),
    async call(operation, body, o) {
      if (operation !== "beat" || !("details" in body)) return inner.call(operation, body, o);
      beats.push(body.details);
      open += 1;
      most = Math.max(most, open);
      await new Promise<void>((ok) => slow.push(ok));
      open -= 1;
      return inner.call(operation, body, o);
    },
  });
  await using env = await environment(options, { wire });
  let ctx!: ActivityContext;
  let finish!: (value: unknown) => void;
  env.stub(act, (_, context) => {
    ctx = context;
    return new Promise((ok) => {
      finish = ok;
    });
  });
  const run = await env.start(calls, {});
  for (let i = 1; i <= 4; i++) {
    ctx.heartbeat(i);
    ctx.heartbeat(i + 0.5);
    await env.advance("2s");
  }
  expect(beats).toEqual([1.5]); // the first call has no answer yet
  finish("ok");
  await env.untilIdle();
  while (slow.length > 0) {
    slow.shift()!();
    await env.untilIdle();
  }
  expect(beats).toEqual([1.5, 4.5]);
  expect(most).toBe(1);
  expect(await run.result()).toEqual({ ok: "ok" });
});

test("a cancelled workflow cancels its running activity at once, may clean up, and ends cancelled", async () => {
  const seen: string[] = [];
  const cleans = workflow({ name: "cleans", timeout: null }, async () => {
    try {
      await act();
    } catch (error) {
      if (error instanceof CancelledError) seen.push(String(await uncancelled(() => act())));
      throw error;
    }
  });
  await using env = await environment({ ...options, workflows: [cleans] });
  env.stub(act, (_, ctx) => {
    if (ctx.activity === 2) return "cleaned";
    return untilAborted(ctx).catch((error: Error) => {
      seen.push(error.name);
      throw error;
    });
  });
  const run = await env.start(cleans, {});
  await run.cancel();
  expect(await run.status()).toBe("CANCELED");
  expect(seen).toEqual(["CancelledError", "cleaned"]);
});

test("a running activity is cancelled even if another worker owns the execution by then", async () => {
  const asks = workflow({ name: "asks", timeout: null }, async () => await act());
  await using env = await environment({ ...options, workflows: [asks], workers: 2 });
  const names: string[] = [];
  env.stub(act, (_, ctx) => {
    const beat = () => {
      if (!ctx.signal.aborted) ctx.heartbeat();
    };
    beat();
    return untilAborted(ctx).catch((error: Error) => {
      names.push(error.name);
      throw error;
    });
  });
  const run = await env.start(asks, {});
  await run.cancel(); // either worker may record it
  expect(await run.status()).toBe("CANCELED");
  await env.advance("15s");
  expect(names).toEqual(["CancelledError"]);
});

test("the activities of a terminated execution are cancelled within a minute, and their outcomes change nothing", async () => {
  await using env = await environment(options);
  const names: string[] = [];
  let ctx!: ActivityContext;
  env.stub(act, (_, context) => {
    ctx = context;
    return untilAborted(context).catch((error: Error) => names.push(error.name));
  });
  const run = await env.start(calls, {});
  await run.terminate();
  for (let s = 0; s < 60; s += 20) {
    await env.advance("20s");
    ctx.heartbeat();
  }
  expect(names).toEqual(["CancelledError"]);
  expect(await run.status()).toBe("TERMINATED");
  expect((await run.history()).at(-1)).toMatchObject({ kind: "execution_terminated" });
});

test("a worker asks about an activity that runs for hours in another worker now and then, not with every step", async () => {
  const poke = signal("poke", z.object({}));
  const hours = activity({ name: "hours", timeout: "9h" }, () => new Promise(() => {}));
  const busy = workflow({ name: "busy", timeout: null, handlers: [poke] }, async () => {
    let pokes = 0;
    on(poke, () => {
      pokes += 1;
    });
    const running = hours();
    running.catch(() => {});
    for (let i = 1; i <= 10; i++) {
      await waitUntil(() => pokes >= i);
      for (let n = 0; n < 20; n++) await act();
    }
    return "over";
  });
  const asked = { sessions: 0, append: 0 };
  const wire = (inner: Transport, n: number): Transport => ({
    close: () => inner.close(),
    call(operation, body, o) {
      if (n === 2 && operation in asked) asked[operation as keyof typeof asked] += 1;
      return inner.call(operation, body, o);
    },
  });
  await using env = await environment(
    { ...options, workflows: [busy], activities: [act, hours], workers: 2 },
    { wire },
  );
  const run = await env.start(busy, {});
  for (let i = 0; i < 10; i++) await run.signal(poke, {});
  expect(await run.result()).toBe("over");
  expect(asked.sessions).toBeLessThan(asked.append / 4 + 12);
});
