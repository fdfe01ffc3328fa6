import { expect, test } from "vitest";
import * as z from "zod";
import { stimulus, WorkflowDriver } from "../../test/support/workflow-driver.ts";
import { activity, DivergenceError, deprecatePatch, parallelSettled, patched, UsageError, workflow } from "../index.ts";

const work = activity({ name: "work", input: z.object({ n: z.number() }) }, async () => 0);

const before = workflow({ name: "changed" }, async () => {
  await work({ n: 1 });
  await work({ n: 2 });
  return "old";
});
const after = workflow({ name: "changed" }, async () => {
  await work({ n: 1 });
  if (!patched("notify")) {
    await work({ n: 2 });
    return patched("later") ? "old, later new" : "old";
  }
  await work({ n: 3 });
  await work({ n: 4 });
  return patched("notify") ? "new" : "?";
});

test("a run that reaches the place with new code takes the new way, and records it once", async () => {
  const driver = await WorkflowDriver.start(after);
  expect(await driver.give(stimulus.completed(1))).toMatchObject([
    { kind: "patched", patch: "notify" },
    { kind: "activity_scheduled", input: { n: 3 } },
  ]);
  await driver.give(stimulus.completed(2));
  await driver.give(stimulus.completed(3));
  expect(driver.end).toMatchObject({ kind: "execution_completed", result: { result: "new" } });
  expect(driver.kinds).toEqual(["execution_completed"]);
  await driver.replayed();
});

test("a run that has passed the place with old code goes on in the old way", async () => {
  const driver = await WorkflowDriver.start(before);
  await driver.give(stimulus.completed(1));
  const instance = await driver.replayed(after);
  const next = { ...stimulus.completed(2), id: driver.history.length + 1, at: driver.history.at(-1)!.at + 1 };
  expect(await instance.activate([next as never])).toMatchObject({
    decisions: [
      { kind: "patched", patch: "later" },
      { kind: "execution_completed", result: { result: "old, later new" } },
    ],
  });
});

test("a run that has not reached the place yet takes the new way", async () => {
  const driver = await WorkflowDriver.start(before);
  const instance = await driver.replayed(after);
  const next = { ...stimulus.completed(1), id: driver.history.length + 1, at: driver.history.at(-1)!.at + 1 };
  expect(await instance.activate([next as never])).toMatchObject({
    decisions: [{ kind: "patched" }, { kind: "activity_scheduled", input: { n: 3 } }],
  });
});

test("code that no longer asks for a recorded patch diverges", async () => {
  const driver = await WorkflowDriver.start(after);
  await driver.give(stimulus.completed(1));
  await expect(driver.replayed(before)).rejects.toThrow(DivergenceError);
  await expect(driver.replayed(before)).rejects.toThrow(/recorded patched \(patch notify\)/);
});

const cleaned = workflow({ name: "changed" }, async () => {
  await work({ n: 1 });
  deprecatePatch("notify");
  await work({ n: 3 });
  deprecatePatch("notify");
  await work({ n: 4 });
  return "new";
});

test("a run that has recorded a patch replays with code that deprecates it, to its end", async () => {
  const driver = await WorkflowDriver.start(after);
  await driver.give(stimulus.completed(1));
  await driver.replayed(cleaned);
  await driver.give(stimulus.completed(2));
  await driver.give(stimulus.completed(3));
  expect(driver.end).toMatchObject({ kind: "execution_completed", result: { result: "new" } });
  await driver.replayed(cleaned);
});

test("a run with code that deprecates a patch records none, and replays without the call", async () => {
  const driver = await WorkflowDriver.start(cleaned);
  expect(await driver.give(stimulus.completed(1))).toMatchObject([{ kind: "activity_scheduled", input: { n: 3 } }]);
  await driver.give(stimulus.completed(2));
  await driver.give(stimulus.completed(3));
  await driver.replayed();
  const bare = workflow({ name: "changed" }, async () => {
    await work({ n: 1 });
    await work({ n: 3 });
    await work({ n: 4 });
    return "new";
  });
  await driver.replayed(bare);
});

test("parallelSettled works on every item although some fail, and answers all outcomes in order", async () => {
  const each = workflow({ name: "each" }, async () => {
    const outcomes = await parallelSettled([1, 2, 3], (n) => work({ n }), { concurrency: 2 });
    return outcomes.map((o) => (o.status === "fulfilled" ? o.value : "failed"));
  });
  const driver = await WorkflowDriver.start(each);
  expect(await driver.give(stimulus.failed(1))).toMatchObject([{ kind: "activity_scheduled", input: { n: 3 } }]);
  await driver.give(stimulus.completed(3, 30));
  await driver.give(stimulus.completed(2, 20));
  expect(driver.end).toMatchObject({ kind: "execution_completed", result: { result: ["failed", 20, 30] } });
  await driver.replayed();
});

test("a patch needs an id, and a workflow", async () => {
  expect(() => patched("x")).toThrow(UsageError);
  const nameless = workflow({ name: "nameless" }, async () => patched(""));
  await expect(WorkflowDriver.start(nameless)).rejects.toThrow(/ids have 1 to 256 characters/);
});
