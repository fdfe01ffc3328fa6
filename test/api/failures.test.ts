/** Failures of runs by their kind, over real HTTP. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ResponseOf } from "../../shared/protocol/routes.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { type World, world } from "./support/world.ts";

type Failures = ResponseOf<"listFailures">;
const HOUR = 3_600_000;

let w: World;
let worker: ScriptedWorker;
let lab: ScriptedWorker;
let began: number;

beforeAll(async () => {
  w = await world();
  const endless = { execution_timeout: null };
  worker = await w.worker("shop", [
    { name: "orders", ...endless },
    { name: "returns", execution_timeout: 60 },
  ]);
  lab = await w.worker("lab", [{ name: "tests", ...endless }], { name: "w2" });
  await w.clock.advance(HOUR - (w.clock.now() % HOUR));
  await worker.heartbeat();
  await lab.heartbeat();
  began = w.clock.now();
  for (let n = 1; n <= 3; n++) await fail("orders", worker, `stock-${n}`, `no stock for order ${n}`);
  await fail("tests", lab, "card", "the card 'x' is refused");
  await fail("orders", worker, "card-2", "the card 'x' is refused");
});
afterAll(() => w.close());

async function fail(workflowIdentifier: string, by: ScriptedWorker, executionId: string, message: string) {
  await w.client.workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest: { executionId } });
  await w.clock.advance(1_000);
  const cause = { type: "StockError", message };
  const failure = { type: "ActivityError", message: "activity failed", cause };
  await (await by.claim(executionId)).close({ kind: "execution_failed", failure }, { failure: message });
}
async function failures(query = "", key = w.key): Promise<Failures> {
  const { status, body } = await w.ask("GET", `/v1/workflows/failures${query}`, { key });
  expect(status).toBe(200);
  return body as unknown as Failures;
}
const iso = (ms: number) => new Date(began + ms).toISOString();

test("those of one kind are one row, with count, first, last and the newest example", async () => {
  const found = await failures();
  expect(found.failures.map(({ count, example }) => [count, example?.execution_id])).toEqual([
    [3, "stock-3"],
    [1, "card-2"],
    [1, "card"],
  ]);
  const run = await w.ports.executions.head({ workspace: w.workspace, execution: "stock-3" });
  expect(found.failures[0]).toEqual({
    fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    count: 3,
    first_time: iso(1_000),
    last_time: iso(3_000),
    workflow_name: "orders",
    deployment_name: "shop",
    status: "FAILED",
    type: "StockError",
    message: "no stock for order 3",
    example: { execution_id: "stock-3", run_id: run!.run },
  });
  expect(found).toMatchObject({ complete: true, next_cursor: null });
});

test("filters by workflow and deployment, and pages", async () => {
  expect((await failures("?workflow_name=tests")).failures.map(({ example }) => example?.execution_id)).toEqual([
    "card",
  ]);
  expect((await failures("?deployment_name=shop")).failures).toHaveLength(2);
  const first = await failures("?limit=2");
  expect(first.failures).toHaveLength(2);
  const second = await failures(`?limit=2&cursor=${encodeURIComponent(first.next_cursor!)}`);
  expect(second).toMatchObject({ failures: [{ example: { execution_id: "card" } }], next_cursor: null });
});

test("an execution that times out has failed, too; one that completes, is cancelled or terminated has not", async () => {
  for (const executionId of ["late", "ended"])
    await w.client.workflows.executeWorkflow({
      workflowIdentifier: "returns",
      workflowExecutionRequest: { executionId },
    });
  await worker.complete("ended");
  await w.clock.advance(120_000);
  await w.ports.sweep(10_000);
  expect((await failures("?workflow_name=returns")).failures).toMatchObject([{ count: 1, status: "TIMED_OUT" }]);
});

test("a job resets all runs of one kind of failure, and no other", async () => {
  const of = (id: string) => w.client.workflows.executions.getWorkflowExecution({ executionId: id });
  const kind = (await failures()).failures[0]!;
  expect(kind).toMatchObject({ count: 3, message: "no stock for order 3" });
  const make = (body: object) => w.ask("POST", "/v1/workflows/jobs", { body });
  const wrong = await make({ action: "cancel", filter: { failure: kind.fingerprint } });
  expect(wrong).toMatchObject({ status: 422, body: { detail: [{ loc: ["body", "filter", "failure"] }] } });
  const unknown = await make({ action: "reset", to: "start", filter: { failure: "no stock" } });
  expect(JSON.stringify(unknown.body)).toContain("must be a fingerprint of the list of failures");
  const made = await make({ action: "reset", to: "start", filter: { failure: kind.fingerprint } });
  expect(made.status).toBe(201);
  await w.ports.sweep(1000);
  const job = await w.ask("GET", `/v1/workflows/jobs/${made.body.job_id}`);
  expect(job.body).toMatchObject({
    status: "COMPLETED",
    total: 3,
    succeeded: 3,
    filter: { failure: kind.fingerprint },
  });
  for (const n of [1, 2, 3]) expect((await of(`stock-${n}`)).status).toBe("RUNNING");
  expect((await of("card-2")).status).toBe("FAILED");
});

test("a window counts what closed in it, and says what it covers", async () => {
  const early = await failures(`?start_time=${iso(0)}&end_time=${iso(60_000)}`);
  expect(early).toMatchObject({ start_time: iso(0), end_time: iso(60_000) });
  expect(early.failures).toHaveLength(3);
  expect((await failures(`?start_time=${iso(60_000)}`)).failures).toHaveLength(1);
  const backwards = await w.ask("GET", `/v1/workflows/failures?start_time=${iso(1)}&end_time=${iso(0)}`);
  expect(backwards.status).toBe(422);
  await w.clock.advance(60 * HOUR);
  await w.ports.sweep(10_000);
  expect((await failures()).failures).toEqual([]);
  const old = await failures(`?start_time=${iso(0)}`);
  expect(old.failures.map(({ count }) => count).toSorted()).toEqual([1, 1, 1, 3]);
});

test("a key that may only read reads them, and another workspace has none of them", async () => {
  const reader = await w.newKey({ workspace: w.workspace, name: "reader", rights: ["read"] });
  expect((await failures(`?start_time=${iso(0)}`, reader.key)).failures).toHaveLength(4);
  expect((await failures(`?start_time=${iso(0)}`, (await w.newKey()).key)).failures).toEqual([]);
  const worker = await w.newKey({ workspace: w.workspace, name: "worker", rights: ["work"] });
  expect((await w.ask("GET", "/v1/workflows/failures", { key: worker.key })).status).toBe(403);
});
