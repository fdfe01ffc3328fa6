/** Jobs over HTTP: one action on all executions that a filter finds. `shared/engine/jobs.test.ts` has their crashes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
const schema = {
  type: "object",
  properties: { by: { type: "string" } },
  required: ["by"],
  additionalProperties: false,
};
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [
    { name: "orders", execution_timeout: null, signals: [{ name: "approve", input_schema: schema }] },
    { name: "refunds", execution_timeout: null },
  ]);
});
afterAll(() => w.close());

const JOBS = "/v1/workflows/jobs";
const start = async (workflowIdentifier: string, ...ids: string[]) => {
  for (const executionId of ids)
    await w.client.workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest: { executionId } });
};
const statusOf = async (executionId: string) =>
  (await w.client.workflows.executions.getWorkflowExecution({ executionId })).status;
const make = (body: object, key?: string) => w.ask("POST", JOBS, { body, ...(key && { key }) });
const job = async (id: unknown) => (await w.ask("GET", `${JOBS}/${id}`)).body;
const outcomes = async (id: unknown) => {
  const all: { execution_id: string; outcome: string; detail: string | null }[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const { status, body } = await w.ask("GET", `${JOBS}/${id}/outcomes?cursor=${cursor}`);
    expect(status).toBe(200);
    all.push(...(body.outcomes as typeof all));
    cursor = body.next_cursor as string | null;
  }
  return all;
};

test("a job terminates what its filter finds, says so per execution, and leaves the rest alone", async () => {
  const ids = Array.from({ length: 250 }, (_, i) => `t-${i}`);
  await start("orders", ...ids);
  await start("refunds", "kept");
  const body = { action: "terminate", filter: { workflow_identifier: "orders", search: "t-" }, reason: "moved" };
  const made = await make(body);
  expect(made).toMatchObject({
    status: 201,
    body: { action: "terminate", filter: body.filter, status: "COUNTING", total: null, done: 0, user_id: "tester" },
  });
  await worker.complete("t-7");
  await w.ports.sweep(1000);
  expect(await job(made.body.job_id)).toMatchObject({ status: "COMPLETED", failed: 0, end_time: expect.any(String) });
  const all = await outcomes(made.body.job_id);
  expect(all.map(({ execution_id }) => execution_id).toSorted()).toEqual(ids.filter((id) => id !== "t-7").toSorted());
  expect(all.every(({ outcome }) => outcome === "succeeded")).toBe(true);
  expect(await statusOf("t-0")).toBe("TERMINATED");
  expect(await statusOf("t-249")).toBe("TERMINATED");
  expect(await statusOf("t-7")).toBe("COMPLETED");
  expect(await statusOf("kept")).toBe("RUNNING");
  const history = await w.client.workflows.executions.getWorkflowExecutionHistory({ executionId: "t-1" });
  expect(JSON.stringify(history)).toContain(`moved (job ${made.body.job_id} of 'tester')`);
});

test("executions that start after a job was made are not part of it", async () => {
  await start("refunds", "before");
  await w.clock.advance(10);
  const made = await make({ action: "terminate", filter: { workflow_identifier: "refunds", search: "before" } });
  await w.clock.advance(10);
  await start("refunds", "before-not");
  await w.ports.sweep(1000);
  expect(await job(made.body.job_id)).toMatchObject({ status: "COMPLETED", total: 1, succeeded: 1 });
  expect(await statusOf("before-not")).toBe("RUNNING");
});

test("a job signals and cancels executions, each once", async () => {
  await start("orders", "s-1", "s-2");
  const signal = { action: "signal", filter: { workflow_identifier: "orders", search: "s-" }, name: "approve" };
  const first = await make({ ...signal, input: { by: "ops" } });
  const second = await make({ action: "cancel", filter: { workflow_identifier: "orders", search: "s-" } });
  await w.ports.sweep(1000);
  for (const { body } of [first, second])
    expect(await job(body.job_id)).toMatchObject({ status: "COMPLETED", total: 2, succeeded: 2 });
  const { messages } = await worker.claim("s-1");
  expect(messages.map(({ kind }) => kind).toSorted()).toEqual(["cancel", "signal"]);
  expect(messages).toContainEqual(expect.objectContaining({ kind: "signal", name: "approve", input: { by: "ops" } }));
});

test("a job resets what has ended as its filter says, and nothing else", async () => {
  await start("orders", "r-1", "r-2", "r-3");
  for (const id of ["r-1", "r-2"]) await worker.complete(id);
  const filter = { workflow_identifier: "orders", search: "r-" };
  const nothing = await make({ action: "reset", filter, to: "start" });
  const made = await make({
    action: "reset",
    filter: { ...filter, status: ["COMPLETED"] },
    to: "start",
    reason: "again",
  });
  await w.ports.sweep(1000);
  expect(await job(nothing.body.job_id)).toMatchObject({ status: "COMPLETED", total: 0 }); // none of them is FAILED
  expect(await job(made.body.job_id)).toMatchObject({ status: "COMPLETED", total: 2, succeeded: 2 });
  expect(await Promise.all(["r-1", "r-2", "r-3"].map(statusOf))).toEqual(["RUNNING", "RUNNING", "RUNNING"]);
  const history = async (id: string) =>
    (await w.ask("GET", `/v1/workflows/executions/${id}/history`)).body.events as { kind: string }[];
  const reason = `again (job ${made.body.job_id} of 'tester')`;
  expect(await history("r-1")).toMatchObject([{ kind: "execution_started" }, { kind: "execution_reset", reason }]);
  expect(await history("r-3")).toMatchObject([{ kind: "execution_started" }]);
});

test("a repeated request with the same job_id is the same job, and another request under it is refused", async () => {
  const job_id = "0190a000-0000-7000-8000-00000000aaaa";
  const body = { job_id, action: "cancel", filter: { search: "nothing-has-this" } };
  expect(await make(body)).toMatchObject({ status: 201, body: { job_id } });
  await w.ports.sweep(1000);
  expect(await make(body)).toMatchObject({ status: 201, body: { job_id, status: "COMPLETED", total: 0 } });
  expect(await make({ ...body, filter: {} })).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ["body", "job_id"] }] },
  });
});

test("a job repeats an ended one with the same action and filter, and no other", async () => {
  const filter = { workflow_identifier: "refunds", search: "nothing-failed" };
  const first = (await make({ action: "cancel", filter })).body.job_id;
  const repeat = (over: object) => make({ action: "cancel", filter, repeats: first, ...over });
  const at = (...loc: string[]) => ({ status: 422, body: { detail: [{ loc }] } });
  expect(await repeat({})).toMatchObject(at("body", "repeats")); // it has not ended
  await w.ports.sweep(1000);
  expect(await repeat({ action: "delete" })).toMatchObject(at("body", "repeats"));
  expect(await repeat({ filter: {} })).toMatchObject(at("body", "repeats"));
  expect(await repeat({ reason: "again" })).toMatchObject(at("body", "reason"));
  expect((await repeat({ repeats: "0190a000-0000-7000-8000-00000000bbbb" })).status).toBe(404);
  const made = await repeat({});
  expect(made).toMatchObject({ status: 201, body: { action: "cancel", filter, repeats: first, total: 0 } });
  await w.ports.sweep(1000);
  expect(await job(made.body.job_id)).toMatchObject({ status: "COMPLETED", repeats: first, done: 0 });
  expect(await job(first)).toMatchObject({ repeats: null });
});

test("an aborted job does nothing more, and cannot be aborted once it has completed", async () => {
  await start("refunds", "a-1");
  const { body } = await make({ action: "terminate", filter: { search: "a-1" } });
  const abort = (id: unknown) => w.ask("POST", `${JOBS}/${id}/abort`);
  expect(await abort(body.job_id)).toMatchObject({ status: 200, body: { status: "ABORTED", done: 0 } });
  expect(await abort(body.job_id)).toMatchObject({ status: 200, body: { status: "ABORTED" } });
  await w.ports.sweep(1000);
  expect(await statusOf("a-1")).toBe("RUNNING");
  const other = await make({ action: "terminate", filter: { search: "a-1" } });
  await w.ports.sweep(1000);
  expect(await abort(other.body.job_id)).toMatchObject({ status: 409, body: { code: "WF_1102", status: "COMPLETED" } });
  expect((await abort("unknown")).status).toBe(404);
});

test("a filter by a tag that no workflow has finds nothing", async () => {
  const made = await make({ action: "terminate", filter: { workflow_tags: ["none"] } });
  expect(made.body).toMatchObject({ status: "COMPLETED", total: 0 });
});

test("what a job cannot do is refused before anything is written", async () => {
  const before = (await w.ask("GET", JOBS)).body;
  const orders = { workflow_identifier: "orders" };
  const cases: [object, (string | number)[]][] = [
    [{ action: "explode", filter: {} }, ["body", "action"]],
    [{ action: "cancel" }, ["body", "filter"]],
    [{ action: "cancel", filter: { colour: "red" } }, ["body", "filter", "colour"]],
    [{ action: "cancel", filter: { page_size: 3 } }, ["body", "filter", "page_size"]],
    [{ action: "cancel", filter: { status: ["COMPLETED"] } }, ["body", "filter", "status"]],
    [{ action: "cancel", filter: { start_time_before: "yesterday" } }, ["body", "filter", "start_time_before"]],
    [{ action: "cancel", filter: {}, reason: "x" }, ["body", "reason"]],
    [{ action: "terminate", filter: {}, name: "x" }, ["body", "name"]],
    [{ action: "signal", filter: orders }, ["body", "name"]],
    [{ action: "signal", filter: {}, name: "approve" }, ["body", "filter", "workflow_identifier"]],
    [{ action: "signal", filter: orders, name: "approve", input: { by: 7 } }, ["body", "input", "by"]],
    [{ action: "signal", filter: orders, name: "approve", input: { by: "x".repeat(70_000) } }, ["body", "input"]],
    [{ action: "reset", filter: orders }, ["body", "to"]],
    [{ action: "reset", filter: orders, to: "yesterday" }, ["body", "to"]],
    [{ action: "reset", filter: { status: ["CONTINUED_AS_NEW"] }, to: "start" }, ["body", "filter", "status"]],
    [{ action: "cancel", filter: {}, exclude_signals: true }, ["body", "exclude_signals"]],
    [{ action: "cancel", filter: {}, job_id: "mine" }, ["body", "job_id"]],
    [{ action: "cancel", filter: { search: "x".repeat(20_000) } }, ["body", "filter"]],
    [{ action: "cancel", filter: { search: "" } }, ["body", "filter", "search"]],
    [{ action: "cancel", filter: { search: " \t" } }, ["body", "filter", "search"]],
    [{ action: "cancel", filter: { search: "x".repeat(20_000) } }, ["body", "filter"]],
    [{ action: "cancel", filter: { status: Array(5_000).fill("RUNNING") } }, ["body", "filter", "status"]],
  ];
  for (const [body, loc] of cases) {
    expect(await make(body), JSON.stringify(body).slice(0, 100)).toMatchObject({
      status: 422,
      body: { code: "WF_1001", detail: [{ loc }] },
    });
  }
  expect(await make({ action: "signal", filter: orders, name: "unknown" })).toMatchObject({ status: 404 });
  const reader = await w.newKey({ workspace: w.workspace, rights: ["read"] });
  expect((await make({ action: "cancel", filter: {} }, reader.key)).status).toBe(403);
  expect((await w.ask("GET", JOBS)).body).toEqual(before);
});

test("jobs are listed in pages, the newest first, and only in their own workspace", async () => {
  const { body } = await w.ask("GET", `${JOBS}?limit=2`);
  expect(body.jobs).toHaveLength(2);
  const ids = new Set<unknown>();
  let cursor: unknown = "";
  while (cursor !== null) {
    const page = (await w.ask("GET", `${JOBS}?limit=3&cursor=${cursor}`)).body;
    for (const each of page.jobs as { job_id: string }[]) ids.add(each.job_id);
    cursor = page.next_cursor;
  }
  const all = (await w.ask("GET", `${JOBS}?limit=100`)).body.jobs as { job_id: string }[];
  expect([...ids]).toEqual(all.map(({ job_id }) => job_id));
  const other = await w.newKey();
  expect((await w.ask("GET", JOBS, { key: other.key })).body.jobs).toEqual([]);
  expect((await w.ask("GET", `${JOBS}/${all[0]!.job_id}`, { key: other.key })).status).toBe(404);
  expect((await w.ask("GET", `${JOBS}/${all[0]!.job_id}/outcomes`, { key: other.key })).status).toBe(404);
  expect((await w.ask("POST", `${JOBS}/${all[0]!.job_id}/abort`, { key: other.key })).status).toBe(404);
});

test("a workspace has a limited number of open jobs", async () => {
  const other = await w.newKey();
  for (let i = 0; i < 20; i++) expect((await make({ action: "cancel", filter: {} }, other.key)).status).toBe(201);
  expect(await make({ action: "cancel", filter: {} }, other.key)).toMatchObject({ status: 422 });
  await w.ports.sweep(1000);
  expect((await make({ action: "cancel", filter: {} }, other.key)).status).toBe(201);
});
