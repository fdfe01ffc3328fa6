/** Starting executions over HTTP with the official client. */
import { HTTPValidationError } from "@mistralai/mistralai/models/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { close } from "../../shared/engine/close.ts";
import { start } from "../../shared/engine/start.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { failure, type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
const strict = {
  type: "object",
  properties: {
    amount: { type: "number", minimum: 0 },
    lines: { type: "array", items: { type: "object", properties: { sku: { type: "string" } }, required: ["sku"] } },
  },
  required: ["amount"],
  additionalProperties: false,
};
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [
    { name: "orders", execution_timeout: 60, search_keys: ["customer.id", "vip", "customer", "absent"] },
    { name: "strict", input_schema: strict },
    { name: "patient", execution_timeout: null },
  ]);
});
afterAll(() => w.close());

const execute = (workflowIdentifier: string, workflowExecutionRequest: object = {}) =>
  w.client.workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest });
const get = (executionId: string, includeSearchKeys = false) =>
  w.client.workflows.executions.getWorkflowExecution({ executionId, includeSearchKeys });

test("an asynchronous start answers the whole running execution", async () => {
  const started = await execute("orders", { input: { a: 1 } });
  expect(started).toMatchObject({
    workflowName: "orders",
    deploymentName: "shop",
    status: "RUNNING",
    endTime: null,
    result: null,
    userId: "tester",
    parentExecutionId: null,
  });
  if (!("rootExecutionId" in started)) throw new Error("taken for a synchronous answer");
  expect(started.rootExecutionId).toBe(started.executionId);
  expect(started.runId).toMatch(/^[0-9a-f-]{36}$/);
  expect(await get(started.executionId)).toMatchObject({
    runId: started.runId,
    status: "RUNNING",
    totalDurationMs: null,
  });
});

test("a workflow is found by its id as well as by its name", async () => {
  const { workflow } = await w.client.workflows.getWorkflow({ workflowIdentifier: "orders" });
  expect(await execute(workflow.id)).toMatchObject({ workflowName: "orders" });
});

test("the worker receives the input unchanged, and null for an absent one", async () => {
  await execute("orders", { executionId: "with-input", input: { n: [1, { deep: null }], "": "x" } });
  await execute("orders", { executionId: "no-input" });
  expect((await worker.claim("with-input")).head.input).toEqual({ n: [1, { deep: null }], "": "x" });
  expect((await worker.claim("no-input")).head.input).toBeNull();
});

test("unknown keys of the body are ignored, because the Python client sends some", async () => {
  const traceparent = "not a traceparent";
  const { status } = await w.ask("POST", "/v1/workflows/orders/execute?unknown=1", {
    body: { input: {}, traceparent, brand_new: true },
    headers: { traceparent },
  });
  expect(status).toBe(200);
});

test("an id is refused while its execution runs, and can be used again once it has closed, if the start says so", async () => {
  await execute("orders", { executionId: "order-1" });
  const taken = await failure(execute("orders", { executionId: "order-1" }));
  expect(taken).toMatchObject({ status: 409, body: { code: "WF_1101", execution_id: "order-1" } });
  const first = await get("order-1");
  await worker.complete("order-1", { ok: 1 });
  const again = { execution_id: "order-1", id_reuse_policy: "allow" };
  expect((await w.ask("POST", "/v1/workflows/orders/execute", { body: again })).body).toMatchObject({
    status: "RUNNING",
  });
  const second = await get("order-1");
  expect(second.runId).not.toBe(first.runId);
  expect((await w.client.workflows.runs.getRun({ runId: first.runId as string })).result).toEqual({ ok: 1 });
});

test("an id with other characters or over 256 of them is refused before anything is written", async () => {
  for (const executionId of ["a b", "ü", "x".repeat(257), ""]) {
    const refused = await failure(execute("orders", { executionId }));
    expect(refused).toMatchObject({ status: 422, name: "HTTPValidationError", body: { code: "WF_1001" } });
    expect(refused.body.detail).toMatchObject([{ loc: ["body", "execution_id"] }]);
  }
  expect(await execute("orders", { executionId: "x".repeat(256) })).toMatchObject({ status: "RUNNING" });
});

test("input that does not fit the schema is refused with every problem and its place, and starts nothing", async () => {
  const input = { amount: "12", lines: [{ sku: "a" }, {}], extra: 1 };
  const error = await execute("strict", { executionId: "bad", input }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(HTTPValidationError);
  const items = (error as HTTPValidationError).detail?.map(({ loc, type }) => ({ loc, type }));
  expect(items).toEqual(
    expect.arrayContaining([
      { loc: ["body", "input", "amount"], type: "number_type" },
      { loc: ["body", "input", "lines", 1, "sku"], type: "missing" },
      { loc: ["body", "input", "extra"], type: "extra_forbidden" },
    ]),
  );
  expect(items).toHaveLength(3);
  expect(await failure(get("bad"))).toMatchObject({ status: 404 });
});

test("an absent input is checked like an empty object", async () => {
  const refused = await failure(execute("strict"));
  expect(refused.body.detail).toEqual([{ loc: ["body", "input", "amount"], msg: "Field required", type: "missing" }]);
});

test("an encoded input is not checked against the schema, in either of its two fields", async () => {
  const encoded = { b64payload: "eyJ4IjoxfQ==", encoding_options: ["encrypted"], empty: false, key_id: "k7" };
  const raw = (body: object) => w.ask("POST", "/v1/workflows/strict/execute", { body });
  expect((await raw({ execution_id: "enc-1", input: null, encoded_input: encoded })).status).toBe(200);
  expect((await raw({ execution_id: "enc-2", input: encoded })).status).toBe(200);
  expect((await worker.claim("enc-1")).head.input).toEqual(encoded);
  expect((await worker.claim("enc-2")).head.input).toEqual(encoded);
  const both = await raw({ input: { amount: 1 }, encoded_input: encoded });
  expect(both).toMatchObject({ status: 422, body: { detail: [{ loc: ["body", "encoded_input"] }] } });
});

test("search keys are taken from the dot paths that the workflow names", async () => {
  const input = { customer: { id: 42 }, vip: true, absent: null };
  await execute("orders", { executionId: "keyed", input });
  const { searchKeys } = await get("keyed", true);
  expect(searchKeys).toEqual({ "customer.id": "42", vip: "true", customer: '{"id":42}' });
  expect((await get("keyed")).searchKeys).toBeNull();
});

test("the timeout of the definition becomes the deadline, and without one there is none", async () => {
  await execute("orders", { executionId: "timed" });
  await execute("patient", { executionId: "patient-1" });
  const timed = await worker.claim("timed");
  expect(timed.head.deadline).toBe(timed.head.started_at + 60_000);
  expect((await worker.claim("patient-1")).head.deadline).toBeNull();
});

test("extensions and tracing attributes reach the worker", async () => {
  await execute("orders", {
    executionId: "extended",
    extensions: { connectors: { a: 1 } },
    customTracingAttributes: { team: "x" },
    forceNewTrace: true,
  });
  expect((await worker.claim("extended")).head.extensions).toEqual({
    connectors: { a: 1 },
    __tracing: { attributes: { team: "x" }, force_new_trace: true },
  });
});

test("a registration can be executed by its id", async () => {
  const { workflowRegistrations } = await w.client.workflows.getWorkflowRegistrations({ workflowSearch: "orders" });
  const workflowRegistrationId = workflowRegistrations[0]!.id;
  const started = await w.client.workflows.executeWorkflowRegistration({
    workflowRegistrationId,
    workflowExecutionRequest: { executionId: "by-registration" },
  });
  expect(started).toMatchObject({ workflowName: "orders", executionId: "by-registration" });
  const unknown = w.client.workflows.executeWorkflowRegistration({
    workflowRegistrationId: "nope",
    workflowExecutionRequest: {},
  });
  expect(await failure(unknown)).toMatchObject({ status: 404, body: { code: "WF_1100" } });
});

test("an input over 2 MB is refused by its size, and one just below is accepted", async () => {
  const over = await failure(execute("orders", { executionId: "huge", input: { text: "x".repeat(2 * 1024 * 1024) } }));
  expect(over).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE", limit_bytes: 2 * 1024 * 1024 } });
  expect(await failure(get("huge"))).toMatchObject({ status: 404 });
  const fits = { text: "x".repeat(2 * 1024 * 1024 - 20) };
  expect(await execute("orders", { executionId: "large", input: fits })).toMatchObject({ status: "RUNNING" });
});

test("a body over 4 MB is refused unread", async () => {
  const answer = await w.ask("POST", "/v1/workflows/orders/execute", {
    text: `{"input":{"x":"${"x".repeat(5_000_000)}"}}`,
  });
  expect(answer).toMatchObject({ status: 413, body: { code: "PAYLOAD_TOO_LARGE" } });
});

test("a synchronous start answers the result when the execution completes", async () => {
  const waiting = execute("orders", { executionId: "sync-1", waitForResult: true });
  await waitForTasks("sync-1");
  await worker.complete("sync-1", { total: 3 });
  expect(await waiting).toEqual({ workflowName: "orders", executionId: "sync-1", result: { total: 3 } });
});

test("a result of null is answered as null", async () => {
  const waiting = w.ask("POST", "/v1/workflows/orders/execute", {
    body: { execution_id: "sync-null", wait_for_result: true },
  });
  await waitForTasks("sync-null");
  await worker.complete("sync-null", null);
  expect((await waiting).body).toEqual({ workflow_name: "orders", execution_id: "sync-null", result: null });
});

test("a synchronous start follows the execution through its runs", async () => {
  const waiting = execute("orders", { executionId: "sync-runs", waitForResult: true });
  await waitForTasks("sync-runs");
  const drive = await worker.claim("sync-runs");
  const { run } = drive.head;
  await drive.close({ kind: "execution_continued", run, workflow: "orders", input: { again: 1 } });
  expect(await get("sync-runs")).toMatchObject({ status: "RUNNING", runId: expect.not.stringMatching(run) });
  await worker.complete("sync-runs", { second: true });
  expect(await waiting).toMatchObject({ result: { second: true } });
});

test("a synchronous start of an id that is used again at once answers its own result", async () => {
  const waiting = execute("orders", { executionId: "sync-again", waitForResult: true });
  await waitForTasks("sync-again");
  const drive = await worker.claim("sync-again");
  // Both writes are in one iteration of the event loop: when the waiting request looks, the id belongs to another start.
  const batch = drive.batch([{ kind: "execution_completed", result: { mine: 1 } }]);
  const ending = { ...drive.position, batch, taken: [], result: { mine: 1 }, failure: null, outbox: [], carried: [] };
  expect(await close(w.ports, drive.head, ending)).toEqual({ kind: "closed" });
  const { workspace, execution, workflow, registration, deployment } = drive.head;
  const identity = { workspace, execution, workflow, registration, deployment };
  const request = { ...identity, input: null, by: "client", token: "another", timeoutMs: null } as const;
  expect(await start(w.ports, request)).toMatchObject({ kind: "started", head: { status: "RUNNING" } });
  expect(await waiting).toMatchObject({ result: { mine: 1 } });
});

test("a wait that runs out is 408, and the execution continues", async () => {
  const waiting = failure(execute("orders", { executionId: "slow", waitForResult: true, timeoutSeconds: 2.5 }));
  await waitForTasks("slow");
  await w.clock.advance(2_500);
  expect(await waiting).toMatchObject({
    status: 408,
    body: { code: "WF_1103", status: "RUNNING", execution_id: "slow" },
  });
  expect(await get("slow")).toMatchObject({ status: "RUNNING" });
});

test("the wait is 60 s by default, and 290 s at most", async () => {
  const standard = failure(execute("patient", { executionId: "wait-60", waitForResult: true }));
  const long = failure(execute("patient", { executionId: "wait-290", waitForResult: true, timeoutSeconds: 5_000 }));
  await waitForTasks("wait-60", "wait-290");
  await worker.heartbeat();
  await w.clock.advance(60_000);
  expect(await standard).toMatchObject({ status: 408 });
  await w.clock.advance(229_999);
  expect(await get("wait-290")).toMatchObject({ status: "RUNNING" });
  await w.clock.advance(1);
  expect((await long).body.detail).toContain("within 290 s");
  await worker.heartbeat();
});

test.each([
  ["FAILED", { kind: "execution_failed", failure: { message: "no stock" } }, "no stock"],
  ["CANCELED", { kind: "execution_cancelled", reason: "changed my mind" }, "changed my mind"],
] as const)("a synchronous start of an execution that ends %s is 424", async (status, event, why) => {
  const executionId = `sync-${status}`;
  const waiting = failure(execute("patient", { executionId, waitForResult: true }));
  await waitForTasks(executionId);
  await (await worker.claim(executionId)).close(event, { failure: why });
  const answer = await waiting;
  expect(answer).toMatchObject({ status: 424, body: { code: "EXECUTION_FAILED", status, execution_id: executionId } });
  expect(answer.body.detail).toContain(why);
});

test("a synchronous start of an execution that is terminated or times out is 424", async () => {
  const ended = failure(execute("patient", { executionId: "sync-terminated", waitForResult: true }));
  await waitForTasks("sync-terminated");
  await w.client.workflows.executions.terminateWorkflowExecution({ executionId: "sync-terminated" });
  expect(await ended).toMatchObject({ status: 424, body: { status: "TERMINATED" } });
  const late = failure(execute("orders", { executionId: "sync-late", waitForResult: true, timeoutSeconds: 200 }));
  await waitForTasks("sync-late");
  await w.clock.advance(61_000);
  await w.ports.sweep(10_000);
  expect(await late).toMatchObject({ status: 424, body: { status: "TIMED_OUT" } });
  await worker.heartbeat();
});

/** Waits until these executions have started, which is when their tasks are in the queue. */
async function waitForTasks(...executions: string[]): Promise<void> {
  const missing = new Set(executions);
  while (missing.size > 0) {
    for (const { task, receipt } of await worker.poll("workflow", 60_000)) {
      missing.delete(task.execution);
      await worker.call("finish", { receipts: [receipt] });
    }
  }
}
