/** Metrics of a workflow through the official client, and their own fields over plain HTTP. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { type World, world } from "./support/world.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;

let w: World;
let worker: ScriptedWorker;
let began: number;

beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [
    { name: "orders", execution_timeout: null },
    { name: "idle", execution_timeout: null },
  ]);
  // A whole hour, so that the windows of the tests say which buckets they need.
  await w.clock.advance(HOUR - (w.clock.now() % HOUR));
  began = w.clock.now();
  await worker.heartbeat();
});
afterAll(() => w.close());

const start = (executionId: string) =>
  w.client.workflows.executeWorkflow({ workflowIdentifier: "orders", workflowExecutionRequest: { executionId } });
const at = (ms: number) => new Date(began + ms);
const metrics = (request: { startTime?: Date; endTime?: Date } = {}) =>
  w.client.workflows.metrics.getWorkflowMetrics({ workflowName: "orders", ...request });
const own = async (query = "") => {
  const { status, body } = await w.ask("GET", `/v1/workflows/orders/metrics${query}`);
  expect(status).toBe(200);
  const flat = Object.entries(body).map(([name, v]) => [name, (v as { value?: unknown }).value ?? v]);
  return Object.fromEntries(flat) as Record<string, unknown>;
};

test("every kind of end is counted once, by the time of the start", async () => {
  await start("open");
  await start("done");
  await w.clock.advance(2_000);
  await worker.complete("done");
  await start("failed");
  await w.clock.advance(4_000);
  const failing = await worker.claim("failed");
  await failing.append([
    {
      kind: "activity_attempt_failed",
      activity: 1,
      name: "charge",
      attempt: 1,
      reason: "failed",
      failure: { message: "no" },
      retry_at: w.clock.now(),
    },
  ]);
  await failing.close({ kind: "execution_failed", failure: { message: "x" } }, { failure: "x" });
  await start("cancelled");
  await (await worker.claim("cancelled")).close({ kind: "execution_cancelled", reason: null });
  await start("terminated");
  await w.client.workflows.executions.terminateWorkflowExecution({ executionId: "terminated" });
  await start("continued");
  const continuing = await worker.claim("continued");
  await continuing.close({
    kind: "execution_continued",
    run: crypto.randomUUID(),
    workflow: "orders",
    input: null,
  });

  const all = await metrics();
  expect(all.executionCount.value).toBe(7); // six starts, and the run that the continued one began
  expect(all.successCount.value).toBe(1);
  expect(all.errorCount.value).toBe(2);
  expect(all.averageLatencyMs.value).toBe(3_000);
  expect(all.retryRate.value).toBe(1 / 5);
  expect(all.latencyOverTime.value).toEqual([[began * 1000, 3_000]]);
  expect(await own()).toMatchObject({
    open_count: 2,
    failed_count: 1,
    canceled_count: 1,
    terminated_count: 1,
    timed_out_count: 0,
    continued_count: 1,
    reset_count: 0,
  });
  const { p50_latency_ms, p95_latency_ms } = await own();
  expect(Math.abs(Number(p50_latency_ms) / 2_000 - 1)).toBeLessThan(0.1);
  expect(Math.abs(Number(p95_latency_ms) / 4_000 - 1)).toBeLessThan(0.1);
});

test("a window is exact to the minute, and says what it covers", async () => {
  await w.clock.advance(90 * MINUTE - (w.clock.now() - began));
  await worker.heartbeat();
  await start("later");
  await w.clock.advance(1_000);
  await worker.complete("later");
  expect((await metrics({ startTime: at(90 * MINUTE) })).executionCount.value).toBe(1);
  expect((await metrics({ startTime: at(91 * MINUTE) })).executionCount.value).toBe(0);
  expect((await metrics({ endTime: at(90 * MINUTE) })).executionCount.value).toBe(7);
  expect((await metrics({ startTime: at(MINUTE), endTime: at(90 * MINUTE) })).executionCount.value).toBe(0);
  const window = `?start_time=${at(30_000).toISOString()}&end_time=${at(90_000).toISOString()}`;
  expect(await own(window)).toMatchObject({
    execution_count: 7,
    start_time: at(0).toISOString(),
    end_time: at(120_000).toISOString(),
  });
  expect((await metrics({ startTime: at(0) })).latencyOverTime.value).toEqual([
    [began * 1000, 3_000],
    [(began + 90 * MINUTE) * 1000, 1_000],
  ]);
});

test("minutes are given up after two days, hours only with the runs; a later end goes to the hour of the start", async () => {
  await w.clock.advance(60 * HOUR);
  await w.ports.sweep(10_000);
  const stored = (size: string) =>
    w.ports.database.one("SELECT count(*) AS n FROM rollups WHERE subject = 'workflow orders' AND size = ?", size)!.n;
  expect(stored("minute")).toBe(0);
  expect((await metrics()).executionCount.value).toBe(8);
  await w.client.workflows.executions.terminateWorkflowExecution({ executionId: "open" });
  expect(stored("minute")).toBe(0);
  expect((await metrics()).errorCount.value).toBe(3);
  // An old bound is one of an hour.
  const window = `?start_time=${at(10 * MINUTE).toISOString()}&end_time=${at(20 * MINUTE).toISOString()}`;
  expect(await own(window)).toMatchObject({
    execution_count: 7,
    start_time: at(0).toISOString(),
    end_time: at(HOUR).toISOString(),
  });
  await w.clock.advance(33 * 24 * HOUR);
  await w.ports.sweep(10_000);
  expect(stored("hour")).toBe(0);
  expect((await metrics()).executionCount.value).toBe(0);
});

test("a workflow without runs has zeros, an unknown one is 404, and a window that ends before it begins is refused", async () => {
  const idle = await w.client.workflows.metrics.getWorkflowMetrics({ workflowName: "idle" });
  expect(idle).toEqual({
    executionCount: { value: 0 },
    successCount: { value: 0 },
    errorCount: { value: 0 },
    averageLatencyMs: { value: 0 },
    latencyOverTime: { value: [] },
    retryRate: { value: 0 },
  });
  expect(await w.ask("GET", "/v1/workflows/nope/metrics")).toMatchObject({ status: 404, body: { code: "WF_1100" } });
  const backwards = `?start_time=${at(1000).toISOString()}&end_time=${at(0).toISOString()}`;
  const refused = await w.ask("GET", `/v1/workflows/orders/metrics${backwards}`);
  expect(refused).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ["query", "end_time"], msg: "must not be before start_time" }] },
  });
});

test("a key that may only read reads them; another workspace sees nothing of them", async () => {
  const reader = await w.newKey({ workspace: w.workspace, name: "reader", rights: ["read"] });
  expect(
    (await reader.client.workflows.metrics.getWorkflowMetrics({ workflowName: "idle" })).executionCount.value,
  ).toBe(0);
  const other = await w.newKey();
  expect(await w.ask("GET", "/v1/workflows/orders/metrics", { key: other.key })).toMatchObject({ status: 404 });
});
