/** The official client and a real worker, with the whole server between them. */
import { Mistral } from "@mistralai/mistralai";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import {
  activity,
  child,
  continueAsNew,
  on,
  query,
  type RunningWorker,
  setSearchKeys,
  signal,
  startWorker,
  task,
  update,
  WorkflowError,
  waitForInput,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { PublicEvent } from "../../shared/protocol/http/event-types.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";
import { failure } from "./support/world.ts";

const charge = activity(
  { name: "charge", input: z.object({ amount: z.number() }), output: z.object({ receipt: z.string() }) },
  async ({ amount }) => ({ receipt: `R-${amount}` }),
);
let attempts = 0;
const flaky = activity({ name: "flaky", retry: { maxAttempts: 3, first: "1ms" } }, async () => {
  attempts += 1;
  if (attempts < 3) throw new Error(`attempt ${attempts}`);
  return task("token", { text: "" }, async (t) => {
    t.set({ text: "Hel" });
    t.set({ text: "Hello" });
    return "said";
  });
});

const approve = signal("approve", z.object({ by: z.string() }));
const status = query("status", z.object({ by: z.string().nullable() }));
const picky = query("picky", z.null());
const amend = update("amend", z.object({ amount: z.number() }), z.number());
const orders = workflow(
  {
    name: "orders",
    input: z.object({ amount: z.number().min(0), note: z.string().default("none") }),
    handlers: [approve, status, picky, amend],
    searchKeys: ["amount"],
  },
  async ({ amount, note }) => {
    let by: string | null = null;
    let sum = amount;
    on(approve, (input) => {
      by = input.by;
    });
    on(status, () => ({ by }));
    on(picky, () => {
      throw new Error("not now");
    });
    on(amend, ({ amount: more }) => {
      if (more < 0) throw new WorkflowError("amounts only grow");
      sum += more;
      return sum;
    });
    const { receipt } = await charge({ amount });
    await task("todo_list", { left: 1 }, async (t) => {
      await waitUntil(() => by !== null);
      t.set({ left: 0 });
    });
    setSearchKeys({ approver: String(by) });
    return { receipt, by, sum, note };
  },
);
const greeter = workflow(
  { name: "greeter", input: z.object({ name: z.string() }) },
  async ({ name }) => `Hello, ${name}`,
);
const family = workflow({ name: "family" }, async () => {
  const said = await child(greeter, { name: "child" }, { id: "family-child" });
  return { said, done: await flaky() };
});
const rounds = workflow({ name: "rounds", input: z.object({ n: z.number() }) }, async ({ n }) =>
  n > 0 ? continueAsNew({ n: n - 1 }) : "over",
);
const failing = workflow({ name: "failing" }, async () => {
  throw new WorkflowError("no stock");
});
const stock = { left: 0 };
const pick = activity({ name: "pick", retry: { maxAttempts: 1 } }, async () => {
  if (stock.left === 0) throw new Error("no stock");
  return { left: stock.left };
});
const picking = workflow({ name: "picking" }, async () => ({ ...(await charge({ amount: 4 })), ...(await pick()) }));
const release = signal("release");
const settle = update("settle", z.object({ n: z.number() }), z.number());
const slow = workflow({ name: "slow", handlers: [release, settle] }, async () => {
  let released = false;
  on(release, () => {
    released = true;
  });
  on(settle, async ({ n }) => {
    await waitUntil(() => released);
    return 2 * n;
  });
  await charge({ amount: 1 });
  await waitUntil(() => released);
});
const item = signal("item", z.object({ n: z.int() }));
const collector = workflow({ name: "collector", handlers: [item] }, async () => {
  const seen: number[] = [];
  on(item, ({ n }) => {
    seen.push(n);
  });
  await waitUntil(() => seen.length === 200);
  return seen;
});
const asking = workflow({ name: "asking", interactive: true }, async () => {
  const answer = await waitForInput(z.object({ ok: z.boolean() }), { label: "Sure?" });
  return answer;
});

let server: TestServer;
let worker: RunningWorker;
let client: Mistral;
beforeAll(async () => {
  server = await testServer();
  client = new Mistral({ serverURL: server.url, apiKey: server.key });
  worker = await startWorker({
    workflows: [orders, greeter, family, rounds, failing, asking, collector, picking, slow],
    activities: [charge, flaky, pick],
    deployment: "shop",
    name: "w1",
    url: server.url,
    apiKey: server.key,
    log: QUIET,
  });
});
afterAll(async () => {
  await worker.stop();
  await server.close();
});

const execute = (workflowIdentifier: string, workflowExecutionRequest: object) =>
  client.workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest });
const ex = () => client.workflows.executions;

test("one execution through every operation of a client", async () => {
  const executionId = "order-1";
  await execute("orders", { executionId, input: { amount: 5 } });
  const ask = () => ex().queryWorkflowExecution({ executionId, queryInvocationBody: { name: "status" } });
  expect(await ask()).toEqual({ queryName: "status", result: { by: null } });
  const amend = (amount: number) =>
    ex().updateWorkflowExecution({ executionId, updateInvocationBody: { name: "amend", input: { amount } } });
  expect(await amend(3)).toEqual({ updateName: "amend", result: 8 });
  expect(await failure(amend(-1))).toMatchObject({ status: 424, body: { code: "HANDLER_FAILED" } });
  const refused = ex().queryWorkflowExecution({ executionId, queryInvocationBody: { name: "picky" } });
  const thrown = await failure(refused);
  expect(thrown).toMatchObject({ status: 424, body: { code: "HANDLER_FAILED" } });
  expect(thrown.body.detail).toContain("not now");
  const frames = ex().stream({ executionId });
  await ex().signalWorkflowExecution({ executionId, signalInvocationBody: { name: "approve", input: { by: "ann" } } });
  const types: unknown[] = [];
  for await (const frame of await frames) types.push((frame.data as { data: { eventType: string } }).data.eventType);
  expect(types).toEqual([
    "WORKFLOW_EXECUTION_STARTED",
    "ACTIVITY_TASK_STARTED",
    "ACTIVITY_TASK_COMPLETED",
    "CUSTOM_TASK_STARTED",
    "CUSTOM_TASK_IN_PROGRESS",
    "CUSTOM_TASK_COMPLETED",
    "WORKFLOW_EXECUTION_COMPLETED",
  ]);
  expect(await ex().getWorkflowExecution({ executionId, includeSearchKeys: true })).toMatchObject({
    status: "COMPLETED",
    result: { receipt: "R-5", by: "ann", sum: 8, note: "none" },
    searchKeys: { amount: "5", approver: "ann" },
  });
});

test("signals sent one after the other reach the workflow in this order", async () => {
  const executionId = "in-order";
  await execute("collector", { executionId });
  const sent = Array.from({ length: 200 }, (_, n) => n);
  for (const n of sent)
    await ex().signalWorkflowExecution({ executionId, signalInvocationBody: { name: "item", input: { n } } });
  for await (const _ of await ex().stream({ executionId }));
  expect(await ex().getWorkflowExecution({ executionId })).toMatchObject({ result: { result: sent } });
});

test("a synchronous start answers the workflow's result; a value that is no object is wrapped in `result`", async () => {
  const answer = await execute("greeter", { executionId: "g", input: { name: "you" }, waitForResult: true });
  expect(answer).toEqual({ workflowName: "greeter", executionId: "g", result: { result: "Hello, you" } });
});

test("events show children, retries and the progress of an activity", async () => {
  const answer = await execute("family", { executionId: "family", waitForResult: true });
  expect(answer).toMatchObject({ result: { said: "Hello, child", done: "said" } });
  const list = await client.workflows.events.getWorkflowEvents({ rootWorkflowExecId: "family", limit: 1000 });
  const of = (id: string) => list.events.filter((e) => e.workflowExecId === id).map((e) => e.eventType);
  expect(of("family-child")).toEqual(["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_EXECUTION_COMPLETED"]);
  expect(of("family")).toEqual([
    "WORKFLOW_EXECUTION_STARTED",
    "ACTIVITY_TASK_STARTED",
    "ACTIVITY_TASK_RETRYING",
    "ACTIVITY_TASK_RETRYING",
    "CUSTOM_TASK_STARTED",
    "CUSTOM_TASK_IN_PROGRESS",
    "CUSTOM_TASK_IN_PROGRESS",
    "CUSTOM_TASK_COMPLETED",
    "ACTIVITY_TASK_COMPLETED",
    "WORKFLOW_EXECUTION_COMPLETED",
  ]);
  expect(await ex().getWorkflowExecution({ executionId: "family-child" })).toMatchObject({
    parentExecutionId: "family",
    rootExecutionId: "family",
  });
});

test("runs that continue as new are one execution", async () => {
  expect(await execute("rounds", { executionId: "rounds", input: { n: 2 }, waitForResult: true })).toMatchObject({
    result: { result: "over" },
  });
  const { result } = await client.workflows.runs.listRuns({ rootExecutionId: "rounds", order: "asc" });
  expect(result.executions.map((run) => run.status)).toEqual(["CONTINUED_AS_NEW", "CONTINUED_AS_NEW", "COMPLETED"]);
});

test("a synchronous start of a workflow that fails answers the cause", async () => {
  const refused = await failure(execute("failing", { waitForResult: true }));
  expect(refused).toMatchObject({ status: 424, body: { code: "EXECUTION_FAILED", status: "FAILED" } });
  expect(refused.body.detail).toContain("no stock");
});

test("an execution that has failed goes on from the decision before, and the client reads where it could go on", async () => {
  const executionId = "picking";
  await failure(execute("picking", { executionId, waitForResult: true }));
  const failed = await ex().getWorkflowExecution({ executionId });
  const reset = (eventId: number) =>
    ex().resetWorkflow({ executionId, resetInvocationBody: { eventId, reason: "the shelf is full again" } });
  const refused = await failure(reset(3));
  expect(refused).toMatchObject({ status: 422, name: "HTTPValidationError", body: { code: "WF_1001" } });
  expect(refused.body).toMatchObject({
    valid_reset_events: [2, 4, 6],
    reset_points: [
      { event_id: 2, after: "execution_started picking", decisions: ["activity_scheduled charge"] },
      { event_id: 4, after: "activity_completed charge", decisions: ["activity_scheduled pick"] },
      { event_id: 6, after: "activity_failed pick", decisions: ["execution_failed"] },
    ],
  });
  const preview = async (body: object) => {
    const headers = { authorization: `Bearer ${server.key}`, "content-type": "application/json" };
    const path = `/v1/workflows/executions/${executionId}/reset/preview`;
    const answer = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    return [answer.status, await answer.json()];
  };
  expect(await preview({ event_id: 4 })).toMatchObject([
    200,
    {
      run_id: failed.runId,
      kept_through: 3,
      dropped_events: 3,
      dropped: [
        { event_id: 4, kind: "activity_scheduled", name: "pick" },
        { event_id: 5, kind: "activity_failed", name: "pick" },
        { event_id: 6, kind: "execution_failed", name: null },
      ],
      restarted_activities: [],
      complete: true,
      refusal: null,
    },
  ]);
  expect(await preview({ to: "first_failure" })).toMatchObject([
    200,
    { kept_through: 4, restarted_activities: ["pick"] },
  ]);
  const [, none] = await preview({ event_id: 3 });
  expect(none).toMatchObject({
    refusal: expect.stringContaining("event 3 of run"),
    reset_points: refused.body.reset_points,
  });
  expect(await preview({})).toMatchObject([422, {}]);
  stock.left = 3;
  await reset(4);
  for await (const _ of await ex().stream({ executionId }));
  const done = await ex().getWorkflowExecution({ executionId });
  expect(done).toMatchObject({ status: "COMPLETED", result: { receipt: "R-4", left: 3 } });
  const { result } = await client.workflows.runs.listRuns({ rootExecutionId: executionId, order: "asc" });
  expect(result.executions.map(({ runId, status }) => [runId, status])).toEqual([
    [failed.runId, "FAILED"],
    [done.runId, "COMPLETED"],
  ]);
});

describe("an update that waits for its answer during a reset", () => {
  const asked = async (executionId: string) => {
    await execute("slow", { executionId });
    const answer = ex().updateWorkflowExecution({
      executionId,
      updateInvocationBody: { name: "settle", input: { n: 4 } },
    });
    const caught = answer.catch((error: unknown) => error);
    await vi.waitFor(async () => {
      const history = await ex().getWorkflowExecutionHistory({ executionId });
      expect(JSON.stringify(history)).toContain("update_accepted");
    }, 10_000);
    return { answer, caught };
  };
  const reset = (executionId: string, more: object) =>
    ex().resetWorkflow({ executionId, resetInvocationBody: { eventId: 2, ...more } });
  const release = (executionId: string) =>
    ex().signalWorkflowExecution({ executionId, signalInvocationBody: { name: "release" } });

  test("is answered by the new run", async () => {
    const { answer } = await asked("slow-1");
    await reset("slow-1", {});
    await release("slow-1");
    expect(await answer).toEqual({ updateName: "settle", result: 8 });
  });

  test("is told that the run has ended, if the reset excludes updates", async () => {
    const { answer, caught } = await asked("slow-2");
    await reset("slow-2", { excludeUpdates: true });
    const refused = await failure(answer);
    await caught;
    expect(refused).toMatchObject({ status: 424, body: { code: "HANDLER_FAILED" } });
    expect(refused.body.detail).toContain("before it answered the update");
    await release("slow-2");
  });
});

describe("asking a person", () => {
  const submit = (task_id: string, input: unknown) =>
    ex().updateWorkflowExecution({
      executionId: "ask",
      updateInvocationBody: { name: "__submit_input", input: { task_id, input } },
    });
  type Pending = { pending_inputs: { task_id: string; label: string }[] };

  test("lists pending inputs, refuses unknown ones and values that do not fit, and accepts a value that fits", async () => {
    await execute("asking", { executionId: "ask" });
    const { result } = await ex().queryWorkflowExecution({
      executionId: "ask",
      queryInvocationBody: { name: "__get_pending_inputs" },
    });
    const [open] = (result as Pending).pending_inputs;
    expect(open).toMatchObject({ label: "Sure?", input_schema: { type: "object" } });
    expect(await failure(submit("nope", { ok: true }))).toMatchObject({ status: 404 });
    const wrong = await failure(submit(open!.task_id, { ok: "perhaps" }));
    expect(wrong).toMatchObject({ status: 422, name: "HTTPValidationError" });
    expect(await submit(open!.task_id, { ok: true })).toEqual({ updateName: "__submit_input", result: {} });
    for await (const _ of await ex().stream({ executionId: "ask" }));
    expect(await ex().getWorkflowExecution({ executionId: "ask" })).toMatchObject({ result: { ok: true } });
  });
});

test("our schema and the client can read every event of these tests", async () => {
  const page = await client.workflows.events.getWorkflowEvents({ limit: 1000 });
  expect(page.events.length).toBeGreaterThan(20);
  const items = (await server.ports.feed.read(DEFAULT_WORKSPACE, { after: 0, limit: 1000 })).items;
  for (const { event } of items) PublicEvent.parse(event.wire);
});
