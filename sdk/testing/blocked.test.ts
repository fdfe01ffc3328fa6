import { expect, test } from "vitest";
import { activity, sleep, workflow } from "../index.ts";
import { testEnvironment } from "./index.ts";

const caught = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error("nothing thrown"),
    (e) => e,
  );
const computed = workflow({ name: "computed" }, async () => {
  await sleep("1m");
  for (;;) {} // the sync loop
});
const resolved = workflow({ name: "resolved" }, async () => {
  await sleep("1m");
  for (;;) await null; // the loop of microtasks
});
const good = workflow({ name: "good" }, async () => "fine");

/** The line of this file that contains the text. */
async function lineOf(text: string): Promise<number> {
  const { readFile } = await import("node:fs/promises");
  const lines = (await readFile(new URL(import.meta.url), "utf8")).split("\n");
  return lines.findIndex((line) => line.includes(`// ${text}`)) + 1;
}

test.each([
  [computed, "the sync loop"],
  [resolved, "the loop of microtasks"],
])(
  "the loop of workflow %# does not hang its test, and the error names its line",
  async (looping, comment) => {
    await using env = await testEnvironment({ workflows: [looping, good], log: silent });
    const run = await env.start(looping, {}, { id: "loops" });
    const error = await caught(run.result());
    expect(error).toMatchObject({ name: "TestWorkflowBug", execution: "loops" });
    expect(error.message).toContain(`workflow "${looping.name}" ran for 3.0 s without waiting for anything`);
    expect(error.stack).toContain(`blocked.test.ts:${await lineOf(comment)}`);
    expect(await caught(env.start(good, {}))).toBe(error);
    expect(await caught(env.advance("1m"))).toBe(error);
    await using fresh = await testEnvironment({ workflows: [good] });
    expect(await (await fresh.start(good, {})).result()).toBe("fine");
  },
  15_000,
);

test("code of the test itself, and of activities, may compute for longer", async () => {
  const spin = () => {
    const until = performance.now() + 4_000;
    while (performance.now() < until);
  };
  const heavy = activity({ name: "heavy", timeout: "1m" }, async () => {
    spin();
    return "done";
  });
  const calls = workflow({ name: "calls" }, async () => heavy());
  await using env = await testEnvironment({ workflows: [calls], activities: [heavy], log: silent });
  spin();
  expect(await (await env.start(calls, {})).result()).toBe("done");
}, 20_000);

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
