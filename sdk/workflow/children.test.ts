import { describe, expect, test } from "vitest";
import * as z from "zod";
import { silent, stimulus, WorkflowDriver } from "../../test/support/workflow-driver.ts";
import {
  CancelledError,
  ChildError,
  child,
  deleteSearchKeys,
  executionInfo,
  setSearchKeys,
  sleep,
  start,
  WorkflowError,
  workflow,
} from "../index.ts";

const greet = workflow(
  { name: "greet", input: z.object({ name: z.string() }), output: z.string() },
  async ({ name }) => `Hello, ${name}`,
);

describe("children", () => {
  test("a called child is scheduled with an id that follows from the run, and its result is unwrapped", async () => {
    const parent = workflow({ name: "parent" }, async () => child(greet, { name: "Ada" }, { timeout: "10m" }));
    const driver = await WorkflowDriver.start(parent);
    expect(driver.decisions).toEqual([
      {
        kind: "child_scheduled",
        child: 1,
        workflow: "greet",
        execution: expect.stringMatching(/^[0-9a-f-]{36}$/),
        input: { name: "Ada" },
        on_parent_close: "terminate",
        timeout_ms: 600_000,
      },
    ]);
    await driver.give(stimulus.childCompleted(1, { result: "Hello, Ada" }));
    expect(driver.end).toEqual({ kind: "execution_completed", result: { result: "Hello, Ada" } });
    await driver.replayed();
  });

  test("a started child runs on its own, and its handle gives the result later", async () => {
    const parent = workflow({ name: "parent" }, async () => {
      const handle = start(greet, { name: "Ada" }, { id: "greeting-1" });
      await sleep(1000);
      return [handle.execution, await handle.result(), await handle.result()];
    });
    const driver = await WorkflowDriver.start(parent);
    expect(driver.decisions[0]).toMatchObject({ execution: "greeting-1", on_parent_close: "abandon" });
    await driver.give(stimulus.childCompleted(1, { result: "hi" }));
    await driver.give(stimulus.fired(1));
    expect(driver.end).toMatchObject({ result: { result: ["greeting-1", "hi", "hi"] } });
    await driver.replayed();
  });

  test("the code may ignore the result of a started child, even when the child fails", async () => {
    const parent = workflow({ name: "parent" }, async () => {
      start(greet, { name: "Ada" });
      await sleep(1000);
    });
    const driver = await WorkflowDriver.start(parent);
    await driver.give(stimulus.childFailed(1));
    await driver.give(stimulus.fired(1));
    expect(driver.end.kind).toBe("execution_completed");
  });

  test.each([
    "FAILED",
    "CANCELED",
    "TERMINATED",
    "TIMED_OUT",
    "START_FAILED",
  ] as const)("a child that ended as %s throws a ChildError, which fails the execution if it is not caught", async (status) => {
    let caught: unknown;
    const parent = workflow({ name: "parent" }, async () => {
      try {
        await child(greet, { name: "Ada" }, { id: "c" });
      } catch (error) {
        caught = error;
        throw error;
      }
    });
    const driver = await WorkflowDriver.start(parent);
    await driver.give(stimulus.childFailed(1, status, { type: "WorkflowError", message: "no" }));
    expect(caught).toBeInstanceOf(ChildError);
    expect(caught).toMatchObject({ workflow: "greet", execution: "c", status });
    expect((caught as ChildError).cause).toBeInstanceOf(WorkflowError);
    expect(driver.end).toMatchObject({
      kind: "execution_failed",
      failure: { type: "ChildError", details: { status }, cause: { message: "no" } },
    });
  });

  test("cancelling the parent cancels the awaited child, and the parent waits until the child has ended", async () => {
    const parent = workflow({ name: "parent" }, async () => child(greet, { name: "Ada" }, { id: "c" }));
    const driver = await WorkflowDriver.start(parent);
    await driver.give(stimulus.cancel("stop"));
    expect(driver.decisions).toEqual([{ kind: "child_cancel_requested", child: 1, execution: "c" }]);
    await driver.give(stimulus.childFailed(1, "CANCELED"));
    expect(driver.end).toEqual({ kind: "execution_cancelled", reason: "stop" });
    await driver.replayed();
  });

  test("a handle cancels its child once", async () => {
    const parent = workflow({ name: "parent" }, async () => {
      const handle = start(greet, { name: "Ada" }, { id: "c" });
      handle.cancel();
      handle.cancel();
      await handle.result().catch((error) => {
        if (!(error instanceof ChildError) || error.cause instanceof CancelledError) throw error;
      });
      handle.cancel();
    });
    const driver = await WorkflowDriver.start(parent);
    expect(driver.kinds).toEqual(["child_scheduled", "child_cancel_requested"]);
    await driver.give(stimulus.childFailed(1, "CANCELED"));
    expect(driver.kinds).toEqual(["execution_completed"]);
  });

  test("a child is called by name, without importing its workflow", async () => {
    const parent = workflow({ name: "parent" }, async () => child("elsewhere", { n: 1 }));
    const driver = await WorkflowDriver.start(parent);
    expect(driver.decisions).toMatchObject([{ workflow: "elsewhere", input: { n: 1 } }]);
    await driver.give(stimulus.childCompleted(1, { a: 1 }));
    expect(driver.end).toMatchObject({ result: { a: 1 } });
  });

  test.each([
    [{ id: "a b" }, 'child "greet", id: "a b" cannot be an execution id: use 1 to 256'],
    [{ id: "cancel" }, `child "greet", id: "cancel" cannot be an execution id: it is a word of the API's own paths`],
    [{ timeout: "x" }, 'child "greet", timeout: "x" is not a duration'],
  ])("%j is refused", async (options, message) => {
    const parent = workflow({ name: "parent" }, async () => child(greet, { name: "Ada" }, options as never));
    await expect(WorkflowDriver.start(parent)).rejects.toThrow(message);
  });
});

test.each([
  ["a b", '"a b" cannot be a workflow name: use 1 to 128'],
  ["runs", '"runs" cannot be a workflow name: it is a word'],
])("a child cannot be called by the name %j, which no workflow has", async (name, message) => {
  const parent = workflow({ name: "parent" }, async () => child(name));
  await expect(WorkflowDriver.start(parent)).rejects.toThrow(message);
});

describe("search keys", () => {
  test("are set and removed by decisions, and the code can read them", async () => {
    const find = workflow({ name: "find" }, async () => {
      setSearchKeys({ customer: "ada", size: 5, long: "x".repeat(10_000) });
      deleteSearchKeys(["size", "unknown"]);
      return Object.keys(executionInfo().searchKeys);
    });
    const driver = await WorkflowDriver.start(find);
    expect(driver.decisions).toEqual([
      { kind: "search_keys_set", set: { customer: "ada", size: "5", long: "x".repeat(8192) }, remove: [] },
      { kind: "search_keys_set", set: {}, remove: ["size"] },
      { kind: "execution_completed", result: { result: ["customer", "long"] } },
    ]);
    await driver.replayed();
  });

  test("leave no half of a surrogate pair in the history, and code that reads them replays as before", async () => {
    const find = workflow({ name: "find" }, async () => {
      setSearchKeys({ cut: `${"x".repeat(8191)}😀`, half: "a\ud83d" });
      return executionInfo().searchKeys.cut!.length;
    });
    const driver = await WorkflowDriver.start(find);
    const set = { cut: `${"x".repeat(8191)}\ufffd`, half: "a\ufffd" };
    expect(driver.decisions).toEqual([
      { kind: "search_keys_set", set, remove: [] },
      { kind: "execution_completed", result: { result: 8192 } },
    ]);
    await driver.replayed();
  });

  test("beyond twenty are dropped with a warning, not with an error", async () => {
    const warnings: string[] = [];
    const find = workflow({ name: "find" }, async () => {
      for (let i = 0; i < 22; i++) setSearchKeys({ [`k${i}`]: i });
    });
    const driver = await WorkflowDriver.start(
      find,
      {},
      { log: { ...silent, warn: (message) => void warnings.push(message) } },
    );
    expect(driver.decisions.filter((d) => d.kind === "search_keys_set")).toHaveLength(20);
    expect(warnings).toEqual([
      expect.stringContaining('"k20" was dropped'),
      expect.stringContaining('"k21" was dropped'),
    ]);
  });

  test.each([
    ["internal.x", "are reserved"],
    ["", "1 to 256"],
    ["x".repeat(257), "1 to 256"],
    ["order:id", "a filter separates"],
    ["a\nb", "control characters"],
    ["\ud83d", "lone surrogates"],
  ])("the name %j is refused", async (name, message) => {
    const find = workflow({ name: "find" }, async () => setSearchKeys({ [name]: 1 }));
    await expect(WorkflowDriver.start(find)).rejects.toThrow(message);
  });
});
