import { testEnvironment } from "@sirocco/sdk/testing";
import { expect, test } from "vitest";
import { extract, list, load, nightly, partition } from "./workflows.ts";

const options = { workflows: [nightly, partition], activities: [list, extract, load] };

test("all files are read once, in partitions, though some fail at first", async () => {
  await using env = await testEnvironment(options);
  env.failNext(extract, new Error("throttled"), 4);
  const run = await env.start(nightly, { day: "2026-01-01" });
  expect(await run.result()).toMatchObject({ partitions: 3, rows: 50 });
  expect([env.attempts(extract), env.attempts(load)]).toEqual([29, 3]);
});

test("a worker that dies takes no partition with it", async () => {
  await using env = await testEnvironment({ ...options, workers: 2, activityPatienceMs: 20 });
  let hung = false;
  env.stub(load, async () => {
    if (hung) return;
    hung = true;
    await new Promise(() => {}); // until its worker dies
  });
  const run = await env.start(nightly, { day: "2026-01-02" });
  await env.advance("1m");
  await env.killWorker();
  await env.killWorker();
  await env.addWorker();
  expect(await run.result()).toMatchObject({ partitions: 3, rows: 50 });
});
