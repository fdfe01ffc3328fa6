import { describe, expect, test } from "vitest";
import * as z from "zod";
import { stimulus, WorkflowDriver } from "../../test/support/workflow-driver.ts";
import { hostFor } from "../activity.test-host.ts";
import { runActivity } from "../activity.ts";
import {
  activity,
  CancelledError,
  sleep,
  TimeoutError,
  task,
  uuid,
  WorkflowError,
  waitForInput,
  workflow,
} from "../index.ts";
import type { Json } from "../json.ts";
import { type Patch, patchesBetween } from "./patch.ts";

const json = (value: unknown) => ({ payload: { type: "json", value, encoding_options: null } });
const patch = (value: unknown) => ({ payload: { type: "json_patch", value, encoding_options: null } });
const note = activity({ name: "note" }, async () => {});

describe("a task in workflow code", () => {
  test("publishes its start, each change as a patch, and its end with the whole state", async () => {
    const stream = workflow({ name: "stream" }, async () =>
      task("token", { text: "", done: false, tags: ["a"] as string[], old: 1 as number | undefined }, async (t) => {
        t.set((state) => ({ ...state, text: `${state.text}Hel` }));
        t.set({ ...t.state, text: "Hello" });
        t.set({ ...t.state });
        t.set({ text: "Bye", done: true, tags: ["a", "b"], old: undefined });
        return t.state.text;
      }),
    );
    const driver = await WorkflowDriver.start(stream);
    const events = driver.decisions.filter((d) => d.kind === "custom_task");
    expect(events.map((e) => [e.event, e.attributes])).toEqual([
      ["started", json({ text: "", done: false, tags: ["a"], old: 1 })],
      ["in_progress", patch([{ op: "append", path: "/text", value: "Hel" }])],
      ["in_progress", patch([{ op: "append", path: "/text", value: "lo" }])],
      ["in_progress", patch([])],
      [
        "in_progress",
        patch([
          { op: "remove", path: "/old", value: null },
          { op: "replace", path: "/text", value: "Bye" },
          { op: "replace", path: "/done", value: true },
          { op: "add", path: "/tags/1", value: "b" },
        ]),
      ],
      ["completed", json({ text: "Bye", done: true, tags: ["a", "b"] })],
    ]);
    expect(new Set(events.map((e) => e.task)).size).toBe(1);
    expect(events.every((e) => e.task_type === "token")).toBe(true);
    expect(driver.end).toMatchObject({ result: { result: "Bye" } });
    await driver.replayed();
  });

  test("without state carries null, and its id does not change the ids that the workflow draws", async () => {
    const plain = workflow({ name: "plain" }, async () => {
      const id = await task("working", (t) => t.id);
      return [id, uuid()];
    });
    const bare = workflow({ name: "bare" }, async () => uuid());
    const driver = await WorkflowDriver.start(plain);
    expect(driver.decisions).toMatchObject([
      { event: "started", attributes: json(null) },
      { event: "completed", attributes: json(null) },
      {},
    ]);
    const [, own] = (driver.end as unknown as { result: { result: string[] } }).result.result;
    expect((await WorkflowDriver.start(bare)).end).toMatchObject({ result: { result: own } });
  });

  test.each([
    ["failed", new WorkflowError("broken"), { failure: { message: "broken" } }],
    ["canceled", new CancelledError("enough"), { reason: "enough" }],
    ["timed_out", new TimeoutError("late", "start_to_close"), { timeout_type: "START_TO_CLOSE" }],
  ])("ends as %s according to the error of its function", async (event, error, attributes) => {
    const bad = workflow({ name: "bad" }, async () =>
      task("t", () => {
        throw error;
      }),
    );
    const driver = await WorkflowDriver.start(bad);
    expect(driver.decisions[1]).toMatchObject({ kind: "custom_task", event, attributes });
    expect(driver.end.kind).toBe("execution_failed");
  });

  test("a state that JSON cannot represent is published as an error, and the function goes on", async () => {
    const odd = workflow({ name: "odd" }, async () =>
      task("t", { n: 1n as unknown }, (t) => {
        t.set({ n: 2 });
        return "fine";
      }),
    );
    const driver = await WorkflowDriver.start(odd);
    expect(driver.decisions).toMatchObject([
      { event: "started", attributes: json({ error: "unserializable_payload_error" }) },
      { event: "in_progress" },
      { event: "completed", attributes: json({ n: 2 }) },
      { kind: "execution_completed", result: { result: "fine" } },
    ]);
  });

  test("set after the end is refused", async () => {
    const late = workflow({ name: "late" }, async () => {
      const handle = await task("t", 0, (t) => t);
      handle.set(1);
    });
    await expect(WorkflowDriver.start(late)).rejects.toThrow('task "t" has ended');
  });
});

test("a task in an activity publishes each change at once", async () => {
  const { host, published } = hostFor();
  const tokens = activity({ name: "tokens", output: z.string() }, async () =>
    task("token", { text: "" }, async (t) => {
      t.set({ text: "Hi" });
      return t.state.text;
    }),
  );
  expect(await runActivity(tokens, null, host)).toBe("Hi");
  expect(published.map((p) => [p.event, p.task_type, p.attributes])).toEqual([
    ["started", "token", json({ text: "" })],
    ["in_progress", "token", patch([{ op: "append", path: "/text", value: "Hi" }])],
    ["completed", "token", json({ text: "Hi" })],
  ]);
});

describe("patches", () => {
  test.each<[string, Json, Json, Patch[]]>([
    ["nothing", { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, []],
    ["the whole value", null, { a: 1 }, [{ op: "replace", path: "", value: { a: 1 } }]],
    [
      "keys that pointers escape",
      { "a/b": 1, "c~d": 1 },
      { "a/b": 2, "c~d": 2 },
      [
        { op: "replace", path: "/a~1b", value: 2 },
        { op: "replace", path: "/c~0d", value: 2 },
      ],
    ],
    [
      "a shrinking list, from its end",
      [1, 2, 3],
      [1],
      [
        { op: "remove", path: "/2", value: null },
        { op: "remove", path: "/1", value: null },
      ],
    ],
    ["a change of kind", { a: [1] }, { a: { 0: 1 } }, [{ op: "replace", path: "/a", value: { 0: 1 } }]],
    ["a shorter string", "Hello", "Hell", [{ op: "replace", path: "", value: "Hell" }]],
  ])("of %s", (_, before, after, patches) => {
    expect(patchesBetween(before, after)).toEqual(patches);
  });
});

describe("human input", () => {
  const Approval = z.object({ approved: z.boolean() });
  const ask = workflow({ name: "ask", interactive: true }, async () =>
    waitForInput(Approval, { label: "Approve?", timeout: "2d" }),
  );
  const pendingOf = (driver: WorkflowDriver) =>
    (driver.instance.query("__get_pending_inputs", null) as { pending_inputs: { task_id: string }[] }).pending_inputs;

  test("opens a task, shows it to the reserved query, and ends with the submitted value", async () => {
    const driver = await WorkflowDriver.start(ask);
    const shown = {
      input_schema: { type: "object", properties: { approved: { type: "boolean" } }, required: ["approved"] },
      label: "Approve?",
    };
    expect(driver.decisions).toMatchObject([
      { kind: "custom_task", event: "started", task_type: "wait_for_input", attributes: json(shown) },
      { kind: "search_keys_set", set: { "internal.execution.state": "waiting_for_input" }, remove: [] },
      { kind: "timer_started" },
    ]);
    const [open] = pendingOf(driver);
    expect(open).toEqual({ task_id: (driver.decisions[0] as { task: string }).task, ...shown });
    await driver.give(stimulus.update("__submit_input", { task_id: open!.task_id, input: { approved: true } }));
    expect(driver.decisions).toMatchObject([
      { kind: "timer_cancelled", timer: 1 },
      { kind: "search_keys_set", set: {}, remove: ["internal.execution.state"] },
      { kind: "custom_task", event: "completed", attributes: json({ ...shown, input: { approved: true } }) },
      { kind: "update_completed", result: {} },
      { kind: "execution_completed", result: { approved: true } },
    ]);
    await driver.replayed();
  });

  test("refuses input that does not fit and unknown task ids, and stays open", async () => {
    const driver = await WorkflowDriver.start(ask);
    const [open] = pendingOf(driver);
    expect(
      driver.instance.checkUpdate("__submit_input", { task_id: open!.task_id, input: { approved: "yes" } }),
    ).toMatchObject({
      status: 422,
      failure: { message: expect.stringContaining("approved: ") },
    });
    expect(driver.instance.checkUpdate("__submit_input", { task_id: "nobody", input: {} })).toMatchObject({
      status: 404,
      failure: { message: expect.stringContaining(open!.task_id) },
    });
    expect(
      driver.instance.checkUpdate("__submit_input", { task_id: open!.task_id, input: { approved: false } }),
    ).toBeNull();
    expect(pendingOf(driver)).toHaveLength(1);
  });

  test("of two answers in one batch the second fails its update", async () => {
    const two = workflow({ name: "two", interactive: true }, async () => {
      const answer = await waitForInput(Approval);
      await note();
      return answer;
    });
    const driver = await WorkflowDriver.start(two);
    const submission = { task_id: pendingOf(driver)[0]!.task_id, input: { approved: true } };
    await driver.give(
      stimulus.update("__submit_input", submission, "u1"),
      stimulus.update("__submit_input", submission, "u2"),
    );
    expect(driver.decisions.filter((d) => d.kind.startsWith("update_"))).toMatchObject([
      { kind: "update_completed", message: "u1" },
      { kind: "update_failed", message: "u2", status: 404 },
    ]);
  });

  test("several inputs are open at once", async () => {
    const both = workflow({ name: "both", interactive: true }, async () =>
      Promise.all([waitForInput(z.string(), { label: "one" }), waitForInput(z.number(), { label: "two" })]),
    );
    const driver = await WorkflowDriver.start(both);
    const [one, two] = pendingOf(driver);
    await driver.give(stimulus.update("__submit_input", { task_id: two!.task_id, input: 2 }, "u2"));
    expect(pendingOf(driver)).toHaveLength(1);
    await driver.give(stimulus.update("__submit_input", { task_id: one!.task_id, input: "1" }, "u1"));
    expect(driver.end).toMatchObject({ result: { result: ["1", 2] } });
    await driver.replayed();
  });

  test.each([
    ["time passes", stimulus.fired(1, 172_800_000), { type: "TimeoutError" }, "execution_failed"],
    ["the execution is cancelled", stimulus.cancel("stop"), undefined, "execution_cancelled"],
  ])("fails its task when %s", async (_, what, failure, end) => {
    const driver = await WorkflowDriver.start(ask);
    await driver.give(what);
    expect(driver.decisions).toContainEqual(expect.objectContaining({ kind: "custom_task", event: "failed" }));
    expect(driver.decisions.at(-1)).toMatchObject({ kind: end, ...(failure ? { failure } : {}) });
    expect(pendingOf(driver)).toEqual([]);
  });

  test("needs a workflow that is declared interactive", async () => {
    const shy = workflow({ name: "shy" }, async () => waitForInput(Approval));
    await expect(WorkflowDriver.start(shy)).rejects.toThrow("interactive: true");
  });

  test("does not hold up other waits", async () => {
    const race = workflow({ name: "race", interactive: true }, async () =>
      Promise.race([waitForInput(Approval), sleep("1h").then(() => "late")]),
    );
    const driver = await WorkflowDriver.start(race);
    await driver.give(stimulus.fired(1, 3_600_000));
    expect(driver.end).toMatchObject({ result: { result: "late" } });
  });
});
