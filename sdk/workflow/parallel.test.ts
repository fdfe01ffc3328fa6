import { expect, test } from "vitest";
import * as z from "zod";
import { ActivityError, activity, parallelSettled, sleep, workflow } from "../index.ts";
import { testEnvironment } from "../testing/index.ts";

const odd = activity(
  { name: "odd", input: z.object({ n: z.int() }), output: z.int(), retry: { maxAttempts: 1 } },
  ({ n }) => {
    if (n % 2 === 0) throw new Error(`${n} is even`);
    return n;
  },
);

test("parallelSettled gives each item its outcome, in order, though some fail", async () => {
  const flow = workflow({ name: "flow" }, async () => {
    const outcomes = await parallelSettled([1, 2, 3, 4], (n) => odd({ n }), { concurrency: 2 });
    return {
      outcomes: outcomes.map((o) => (o.status === "fulfilled" ? o.value : `${o.reason instanceof ActivityError}`)),
    };
  });
  await using env = await testEnvironment({ workflows: [flow], activities: [odd] });
  const run = await env.start(flow, {});
  expect(await run.result()).toEqual({ outcomes: [1, "true", 3, "true"] });
});

test("a cancellation is thrown, and counts as no outcome", async () => {
  const flow = workflow({ name: "flow" }, async () => ({ never: await parallelSettled([1, 2], () => sleep("1d")) }));
  await using env = await testEnvironment({ workflows: [flow] });
  const run = await env.start(flow, {});
  await run.cancel();
  expect(await run.status()).toBe("CANCELED");
});

test("a bug is thrown, and the execution waits for repaired code", async () => {
  const flow = workflow({ name: "flow" }, async () => {
    await parallelSettled([1], () => {
      throw new TypeError("no function");
    });
  });
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  await using env = await testEnvironment({ workflows: [flow], log: quiet });
  const run = await env.start(flow, {});
  await expect(run.result()).rejects.toThrow("no function");
});
