/** Rate limits of activities over several workers, on a virtual clock. */
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { Ports } from "../../shared/ports.ts";
import type { WorkerBody } from "../../shared/protocol/worker.ts";
import { activity, CancelledError, parallel, sleep, workflow } from "../index.ts";
import { environment } from "../testing/environment.ts";
import type { Transport } from "./transport.ts";

const input = z.object({ n: z.number() });
const ask = activity(
  { name: "ask", input, rateLimit: { max: 5, per: "10s", key: "provider" }, retry: { first: "1s" } },
  async ({ n }) => n,
);
const other = activity({ name: "other", rateLimit: { max: 5, per: "10s", key: "provider" } }, async () => 1);
const free = activity({ name: "free" }, async () => "free");
const fanOut = workflow(
  { name: "fan_out", input: z.object({ calls: z.number() }), timeout: null },
  async ({ calls }) => {
    const all = Array.from({ length: calls }, (_, n) => n);
    return { sum: (await parallel(all, (n) => ask({ n }), { concurrency: 1000 })).reduce((a, b) => a + b, 0) };
  },
);
const mixed = workflow({ name: "mixed", timeout: null }, async () => {
  for (let i = 0; i < 6; i++) await ask({ n: i });
  return other();
});
const both = workflow({ name: "both", timeout: null }, async () => {
  const waiting = Array.from({ length: 8 }, (_, n) => ask({ n }));
  await sleep("1s");
  const first = await free();
  await Promise.all(waiting);
  return first;
});
const patient = workflow({ name: "patient", timeout: null }, async () => {
  await Promise.all([0, 1, 2, 3, 4].map((n) => ask({ n })));
  try {
    return await ask({ n: 5 });
  } catch (error) {
    return error instanceof CancelledError ? "cancelled" : String(error);
  }
});
const options = { workflows: [fanOut, mixed, both, patient], activities: [ask, other, free], workers: 3 };

/** The most begins within any `per`. */
const mostIn = (per: number, begins: readonly number[]): number =>
  Math.max(0, ...begins.map((t) => begins.filter((b) => b >= t && b < t + per).length));

describe("a rate limit", () => {
  test("is never exceeded by several workers together, and is used to nine tenths", async () => {
    await using env = await environment(options);
    const begins: number[] = [];
    env.stub(ask, ({ n }) => {
      begins.push(env.now.getTime());
      return n;
    });
    const run = await env.start(fanOut, { calls: 60 });
    expect(await run.result()).toEqual({ sum: (59 * 60) / 2 });
    expect(begins).toHaveLength(60);
    expect(mostIn(10_000, begins)).toBe(5);
    const took = begins.at(-1)! - begins[0]!;
    expect(took).toBeLessThanOrEqual((55 / 5) * 10_000 * 1.12);
  });

  test("is shared by the activities that name its key, one after another too", async () => {
    await using env = await environment(options);
    const begins: number[] = [];
    env.stub(ask, ({ n }) => {
      begins.push(env.now.getTime());
      return n;
    });
    env.stub(other, () => {
      begins.push(env.now.getTime());
      return 7;
    });
    const run = await env.start(mixed, {});
    expect(await run.result()).toBe(7);
    expect(mostIn(10_000, begins)).toBe(5);
  });

  test("counts every attempt", async () => {
    const again = workflow({ name: "again", timeout: null }, async () => {
      await ask
        .with({ retry: { maxAttempts: 8, first: 1, factor: 1 } })({ n: 1 })
        .catch(() => {});
    });
    await using env = await environment({ ...options, workflows: [again] });
    const begins: number[] = [];
    env.stub(ask, () => {
      begins.push(env.now.getTime());
      throw new Error("busy");
    });
    await (await env.start(again, {})).result();
    expect(begins).toHaveLength(8);
    expect(mostIn(10_000, begins)).toBe(5);
  });

  test("takes no slot of a worker while an activity waits for it", async () => {
    await using env = await environment({ ...options, workers: 1, maxConcurrentActivities: 1 });
    const at: Record<string, number> = {};
    const began = env.now.getTime();
    env.stub(free, () => {
      at.free = env.now.getTime() - began;
      return "free";
    });
    const run = await env.start(both, {});
    expect(await run.result()).toBe("free");
    expect(at.free).toBeLessThan(2_500);
  });

  test("lets go of an activity that is cancelled while it waits, without a permit and without a call", async () => {
    await using env = await environment(options);
    const calls: number[] = [];
    env.stub(ask, ({ n }) => {
      calls.push(n);
      return n;
    });
    const run = await env.start(patient, {});
    await env.advance("3s");
    await run.cancel();
    expect(await run.result()).toBe("cancelled");
    await env.advance("1m");
    expect(calls.sort()).toEqual([0, 1, 2, 3, 4]);
  });

  test("holds while workers die, and nothing is lost", async () => {
    await using env = await environment(options);
    const begins: number[] = [];
    env.stub(ask, ({ n }) => {
      begins.push(env.now.getTime());
      return n;
    });
    const run = await env.start(fanOut, { calls: 20 });
    await env.advance("5s");
    await env.killWorker();
    await env.advance("5s");
    await env.killWorker();
    expect(await run.result()).toEqual({ sum: 190 });
    expect(begins.length).toBeGreaterThanOrEqual(20);
    expect(mostIn(10_000, begins)).toBeLessThanOrEqual(5);
  });

  test.each([
    "permit",
    "begin",
  ])("holds where some answers to %s come seconds late, and lets the worker ask for longer permits", async (slow) => {
    let engine: Ports | undefined;
    const asked: number[] = [];
    let calls = 0;
    const wire = (inner: Transport): Transport => ({
      close: () => inner.close(),
      async call(operation, body, o) {
        const answer = await inner.call(operation, body, o);
        for (const { slack_ms = 0 } of operation === "permit" ? (body as WorkerBody<"permit">).items : [])
          asked.push(slack_ms);
        const { clock } = engine!;
        if (operation === slow && calls++ % 2 === 0)
          await new Promise<void>((ok) => void clock.at(clock.now() + 3_000, ok));
        return answer;
      },
    });
    await using env = await environment(options, {
      engine: (ports) => {
        engine = ports;
      },
      wire,
    });
    const begins: number[] = [];
    env.stub(ask, ({ n }) => {
      begins.push(env.now.getTime());
      return n;
    });
    const run = await env.start(fanOut, { calls: 20 });
    expect(await run.result()).toEqual({ sum: 190 });
    expect(begins).toHaveLength(20);
    expect(mostIn(10_000, begins)).toBeLessThanOrEqual(5);
    expect(asked[0]).toBe(0);
    expect(Math.max(...asked)).toBeGreaterThanOrEqual(3_000);
    expect(begins.at(-1)! - begins[0]!).toBeLessThanOrEqual(4 * 16_000);
  });

  test("is refused where it cannot be held, and when it makes no sense", async () => {
    const outer = activity({ name: "outer", retry: { maxAttempts: 1 } }, async () => ask({ n: 1 }));
    const calls = workflow({ name: "calls", timeout: null }, async () => {
      await outer();
    });
    await using env = await environment({ ...options, workflows: [calls], activities: [ask, outer] });
    await expect((await env.start(calls, {})).result()).rejects.toThrow("call it from workflow code");
    const wrong = (rateLimit: object) => () => activity({ name: "a", rateLimit: rateLimit as never }, async () => {});
    expect(wrong({ max: 0, per: "1s" })).toThrow("rateLimit.max: it must be a whole number from 1 to 100000");
    expect(wrong({ max: 1.5, per: "1s" })).toThrow("rateLimit.max");
    expect(wrong({ max: 1, per: "2h" })).toThrow("rateLimit.per: it must be from 1 s to 1 h");
    expect(wrong({ max: 1, per: 10 })).toThrow("rateLimit.per");
    expect(wrong({ max: 1, per: "1s", key: "k".repeat(257) })).toThrow("rateLimit.key: it must be 1 to 256 characters");
  });
});
