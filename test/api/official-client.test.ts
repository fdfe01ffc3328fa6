/**
 * Every operation of the official TypeScript client, unmodified, with every parameter that it has, against a real server with a
 * real worker. The last test compares what the tests above have used with the client's own declarations.
 */
import { Mistral } from "@mistralai/mistralai";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import * as z from "zod";
import {
  activity,
  on,
  query,
  type RunningWorker,
  signal,
  startWorker,
  update,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { OFFICIAL_OPERATIONS } from "../protocol/official-operations.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";
import { clientFunctions, officialParameters, recorded } from "./support/official-parameters.ts";
import { failure } from "./support/world.ts";

/** Why an operation has no call here that succeeds. */
const HOSTING = "it is of the vendor's hosting: Sirocco runs no workers, and answers 501";
const REFUSED: Readonly<Record<string, string>> = {
  "workflows.deployments.createDeployment": HOSTING,
  "workflows.deployments.updateDeployment": HOSTING,
  "workflows.deployments.deleteDeployment": HOSTING,
  "workflows.deployments.startDeployment": HOSTING,
  "workflows.deployments.stopDeployment": HOSTING,
  "workflows.deployments.restartDeployment": HOSTING,
};
/** Why a parameter is not passed. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "workflows.deployments.createDeployment hardened": HOSTING,
  "workflows.deployments.createDeployment resources": HOSTING,
};

const charge = activity({ name: "charge", input: z.object({ amount: z.number() }) }, async ({ amount }, ctx) => {
  ctx.log.info(`charging ${amount}`, { amount });
  ctx.log.info(`charged ${amount}`, { amount });
  return { receipt: `R-${amount}` };
});
const approve = signal("approve", z.object({ by: z.string() }));
const status = query("status", z.string(), { input: z.object({ of: z.string() }) });
const amend = update("amend", z.object({ n: z.number() }), z.number());
const orders = workflow(
  {
    name: "orders",
    input: z.object({ amount: z.number() }),
    handlers: [approve, status, amend],
    searchKeys: ["amount"],
  },
  async ({ amount }) => {
    let by: string | null = null;
    on(approve, (input) => {
      by = input.by;
    });
    on(status, ({ of }) => `${of} by ${by}`);
    on(amend, ({ n }) => n + amount);
    const { receipt } = await charge({ amount });
    await waitUntil(() => by !== null);
    return { receipt };
  },
);
const quick = workflow({ name: "quick" }, async () => "done");

const used = new Map<string, Set<string>>();
let server: TestServer;
let worker: RunningWorker;
let workflows: Mistral["workflows"];
const began = new Date(Date.now() - 60_000);
const later = new Date(Date.now() + 3_600_000);
const id = "order-1";
let workflowId: string;
let registrationId: string;

beforeAll(async () => {
  server = await testServer();
  workflows = recorded(new Mistral({ serverURL: server.url, apiKey: server.key }), used);
  const on = { deployment: "shop", name: "host", url: server.url, apiKey: server.key, log: QUIET };
  worker = await startWorker({ workflows: [orders, quick], activities: [charge], ...on });
});
afterAll(async () => {
  await worker.stop();
  await server.close();
});

async function closed(executionId: string) {
  for await (const _ of await workflows.executions.stream({ executionId }));
  return workflows.executions.getWorkflowExecution({ executionId });
}
/** Reads a stream until an item that `wanted` accepts. */
async function until<T>(stream: AsyncIterable<T>, wanted: (item: T) => boolean): Promise<T> {
  for await (const item of stream) if (wanted(item)) return item;
  throw new Error("the stream ended before");
}

test("registrations and workflows are found by each filter", async () => {
  const found = await workflows.getWorkflows({
    status: ["RUNNING", "COMPLETED"],
    includeShared: true,
    availableInChatAssistant: false,
    deploymentName: ["shop"],
    deploymentStatus: "active",
    archived: false,
    tags: [],
    sortBy: "display_name",
    order: "asc",
    limit: 5,
    activeOnly: true,
    search: "order",
  });
  expect(found.result.workflows).toEqual([]); // nothing has run yet
  const first = await workflows.getWorkflows({ limit: 1, order: "asc" });
  const cursor = first.result.nextCursor!;
  const second = await workflows.getWorkflows({ limit: 1, order: "asc", cursor });
  const names = [first, second].map(({ result }) => result.workflows[0]!.name);
  expect(names.sort()).toEqual(["orders", "quick"]);
  const { workflow } = await workflows.getWorkflow({ workflowIdentifier: "orders" });
  workflowId = workflow.id;
  const registered = await workflows.getWorkflowRegistrations({
    workflowId,
    taskQueue: "shop",
    activeOnly: true,
    includeShared: true,
    workflowSearch: "order",
    archived: false,
    withWorkflow: true,
    availableInChatAssistant: false,
    limit: 1,
  });
  const [registration] = registered.workflowRegistrations;
  registrationId = registration!.id;
  expect(registration!.workflow?.name).toBe("orders");
  const one = await workflows.getWorkflowRegistrations({ limit: 1 });
  const two = await workflows.getWorkflowRegistrations({ limit: 1, cursor: one.nextCursor! });
  expect(two.workflowRegistrations).toHaveLength(1);
  const got = await workflows.getWorkflowRegistration({
    workflowRegistrationId: registrationId,
    withWorkflow: true,
    includeShared: true,
  });
  expect(got.workflowRegistration.workflow?.id).toBe(workflowId);
});

test("an operator's changes of a workflow are kept, and taken back", async () => {
  const change = { displayName: "Orders", description: "of the shop", availableInChatAssistant: true, tags: ["till"] };
  const changed = await workflows.updateWorkflow({ workflowIdentifier: "orders", workflowUpdateRequest: change });
  expect(changed.workflow).toMatchObject({ displayName: "Orders", description: "of the shop", tags: ["till"] });
  expect(
    (await workflows.getWorkflows({ tags: ["till"], availableInChatAssistant: true })).result.workflows,
  ).toHaveLength(1);
  expect((await workflows.archiveWorkflow({ workflowIdentifier: "orders" })).workflow.archived).toBe(true);
  expect((await workflows.unarchiveWorkflow({ workflowIdentifier: "orders" })).workflow.archived).toBe(false);
  const many = await workflows.bulkArchiveWorkflows({ workflowIds: [workflowId, "unknown"] });
  expect([many.archived?.length, many.errored?.length]).toEqual([1, 1]);
  const back = await workflows.bulkUnarchiveWorkflows({ workflowIds: [workflowId] });
  expect(back.unarchived?.map(({ name }) => name)).toEqual(["orders"]);
});

test("an execution is started with each option, asked, changed and signalled", async () => {
  const workflowExecutionRequest = {
    executionId: id,
    input: { amount: 5 },
    waitForResult: false,
    timeoutSeconds: 5,
    customTracingAttributes: { team: "till" },
    forceNewTrace: true,
    extensions: { plugin: { a: 1 } },
    taskQueue: "shop",
    deploymentName: "shop",
  };
  expect(await workflows.executeWorkflow({ workflowIdentifier: "orders", workflowExecutionRequest })).toMatchObject({
    executionId: id,
    deploymentName: "shop",
  });
  const again = { ...workflowExecutionRequest, executionId: "order-2" };
  const by = await workflows.executeWorkflowRegistration({
    workflowRegistrationId: registrationId,
    workflowExecutionRequest: again,
  });
  expect(by).toMatchObject({ executionId: "order-2", status: "RUNNING" });
  const { executions } = workflows;
  const asked = { name: "status", input: { of: "approved" } };
  expect(await executions.queryWorkflowExecution({ executionId: id, queryInvocationBody: asked })).toMatchObject({
    result: "approved by null",
  });
  const amended = { name: "amend", input: { n: 2 } };
  expect(await executions.updateWorkflowExecution({ executionId: id, updateInvocationBody: amended })).toMatchObject({
    result: 7,
  });
  const approved = { name: "approve", input: { by: "ada" } };
  await executions.signalWorkflowExecution({ executionId: id, signalInvocationBody: approved });
  expect(await closed(id)).toMatchObject({ status: "COMPLETED", result: { receipt: "R-5" } });
  expect((await executions.getWorkflowExecution({ executionId: id, includeSearchKeys: true })).searchKeys).toEqual({
    amount: "5",
  });
});

test("histories, runs and traces of an execution are read", async () => {
  const { executions, runs } = workflows;
  const plain = await executions.getWorkflowExecutionHistory({ executionId: id, decodePayloads: true });
  const { runId } = (await executions.getWorkflowExecution({ executionId: id })) as { runId: string };
  expect(await runs.getRunHistory({ runId, decodePayloads: true })).toEqual(plain);
  expect(await runs.getRun({ runId })).toMatchObject({ executionId: id, status: "COMPLETED" });
  const all = {
    workflowIdentifier: "orders",
    rootExecutionId: id,
    search: "order",
    status: "COMPLETED" as const,
    deploymentName: "shop",
    sortBy: "start_time" as const,
    order: "asc" as const,
    startTimeAfter: began,
    startTimeBefore: later,
    endTimeAfter: began,
    endTimeBefore: later,
    userId: "current",
    workflowTags: ["till"],
    includeInternal: true,
    pageSize: 1,
    searchKey: ["amount:5"],
  };
  expect((await runs.listRuns(all)).result.executions.map((run) => run.runId)).toEqual([runId]);
  const page = await runs.listRuns({ pageSize: 1 });
  const next = await runs.listRuns({ pageSize: 1, nextPageToken: page.result.nextPageToken! });
  expect(next.result.executions[0]!.executionId).not.toBe(page.result.executions[0]!.executionId);
  const info = await executions.getWorkflowExecutionTraceInfo({ executionId: id });
  const otel = await executions.getWorkflowExecutionTraceOtel({ executionId: id });
  expect(otel.otelTraceId).toBe(info.otelTraceId);
  const summary = await executions.getWorkflowExecutionTraceSummary({ executionId: id });
  expect(summary.spanTree?.name).toBe("orders");
  const events = await executions.getWorkflowExecutionTraceEvents({
    executionId: id,
    mergeSameIdEvents: true,
    includeInternalEvents: true,
  });
  expect(events.events!.length).toBeGreaterThan(0);
});

test("events are read in pages and as streams, by each filter", async () => {
  const { runId } = (await workflows.executions.getWorkflowExecution({ executionId: id })) as { runId: string };
  const of = { rootWorkflowExecId: id, workflowExecId: id, workflowRunId: runId, limit: 2 };
  const page = await workflows.events.getWorkflowEvents(of);
  expect(page.events).toHaveLength(2);
  const rest = await workflows.events.getWorkflowEvents({ ...of, cursor: page.nextCursor! });
  expect(rest.events[0]!.eventId).not.toBe(page.events[0]!.eventId);
  const stream = await workflows.events.getStreamEvents({
    scope: "activity",
    activityName: "charge",
    activityId: "*",
    workflowName: "orders",
    workflowExecId: id,
    rootWorkflowExecId: id,
    parentWorkflowExecId: "*",
    stream: "*",
    startSeq: 0,
    metadataFilters: {},
    workflowEventTypes: ["ACTIVITY_TASK_COMPLETED"],
    lastEventId: "0",
  });
  expect(JSON.stringify(await until(stream, ({ data }) => data !== undefined))).toContain("ACTIVITY_TASK_COMPLETED");
  const own = await workflows.executions.stream({ executionId: id, eventSource: "DATABASE", lastEventId: "0" });
  expect(JSON.stringify(await until(own, ({ data }) => data !== undefined))).toContain("WORKFLOW_EXECUTION_STARTED");
});

test("logs are read in pages and as streams, by each filter", async () => {
  const { executions, deployments } = workflows;
  const ofBoth = { after: began, before: later, order: "asc" as const, limit: 1 };
  const first = await vi.waitFor(async () => {
    const page = await executions.getWorkflowExecutionLogs({ executionId: id, ...ofBoth });
    expect(page.results).toHaveLength(1);
    return page;
  }, 10_000);
  const { runId } = (await executions.getWorkflowExecution({ executionId: id })) as { runId: string };
  const own = { executionId: id, runId, activityId: "1" };
  expect((await executions.getWorkflowExecutionLogs({ ...own, ...ofBoth })).results[0]!.body).toBe("charging 5");
  const cursor = first.nextCursor!;
  const second = await executions.getWorkflowExecutionLogs({ executionId: id, limit: 1, cursor });
  expect(second.results[0]!.body).toBe("charged 5");
  const live = await executions.streamWorkflowExecutionLogs({ ...own, after: began });
  const seen = await until(live, ({ data }) => data !== undefined);
  expect(JSON.stringify(seen)).toContain("charging 5");
  const lastEventId = String((seen as { id?: string }).id);
  const onward = await executions.streamWorkflowExecutionLogs({ executionId: id, lastEventId });
  expect(JSON.stringify(await until(onward, ({ data }) => data !== undefined))).toContain("charged 5");
  const from = { name: "shop", workerName: "host", workflowName: "orders" };
  const ofShop = await deployments.getDeploymentLogs({ ...from, ...ofBoth });
  expect(ofShop.results).toHaveLength(1);
  const more = await deployments.getDeploymentLogs({ ...from, limit: 1, cursor: ofShop.nextCursor! });
  expect(more.results).toHaveLength(1);
  const tail = await deployments.streamDeploymentLogs({ ...from, after: began });
  const line = await until(tail, ({ data }) => data !== undefined);
  const rest = { ...from, lastEventId: String((line as { id?: string }).id) };
  const next = await until(await deployments.streamDeploymentLogs(rest), ({ data }) => data !== undefined);
  expect((next as { id?: string }).id).not.toBe(rest.lastEventId);
});

test("an execution is reset with each option, cancelled and terminated, alone and with others", async () => {
  const { executions } = workflows;
  const body = { eventId: 2, reason: "again", excludeSignals: true, excludeUpdates: true };
  await executions.resetWorkflow({ executionId: id, resetInvocationBody: body });
  await executions.cancelWorkflowExecution({ executionId: id });
  expect((await closed(id)).status).toBe("CANCELED");
  await executions.terminateWorkflowExecution({ executionId: "order-2" });
  expect((await closed("order-2")).status).toBe("TERMINATED");
  const start = (executionId: string) =>
    workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId, input: { amount: 1 } },
    });
  await Promise.all([start("order-3"), start("order-4")]);
  const cancelled = await executions.batchCancelWorkflowExecutions({ executionIds: ["order-3", "unknown"] });
  expect(
    Object.values(cancelled.results ?? {})
      .map(({ status: of }) => of)
      .sort(),
  ).toEqual(["failure", "success"]);
  const ended = await executions.batchTerminateWorkflowExecutions({ executionIds: ["order-4"] });
  expect(Object.values(ended.results ?? {}).map(({ status: of }) => of)).toEqual(["success"]);
});

test("deployments and workers are listed by each filter", async () => {
  const { deployments } = workflows;
  const all = {
    activeOnly: true,
    isHardened: false,
    workflowName: "orders",
    createdBy: "me",
    locationTypes: ["local" as const],
    search: "sh",
    orderBy: "created_at" as const,
    order: "asc" as const,
    limit: 5,
    workspaceId: DEFAULT_WORKSPACE,
  };
  await deployments.listDeployments(all);
  expect((await deployments.listDeployments({ search: "sh", limit: 1 })).deployments[0]!.name).toBe("shop");
  expect((await deployments.getDeployment({ name: "shop", workflowName: "orders" })).name).toBe("shop");
  const workers = await deployments.listDeploymentWorkers({ name: "shop", workerStatus: "active", limit: 1 });
  expect(workers.workers.map(({ name }) => name)).toEqual(["host"]);
  const on = { deployment: "other", name: "second", url: server.url, apiKey: server.key, log: QUIET };
  const other = await startWorker({ workflows: [quick], ...on });
  const page = await deployments.listDeployments({ limit: 1, order: "asc", orderBy: "created_at" });
  const next = await deployments.listDeployments({
    limit: 1,
    order: "asc",
    orderBy: "created_at",
    cursor: page.nextCursor!,
  });
  expect([page, next].map(({ deployments: [first] }) => first!.name)).toEqual(["shop", "other"]);
  await other.stop();
  const second = await startWorker({ workflows: [orders, quick], activities: [charge], ...on, deployment: "shop" });
  const one = await deployments.listDeploymentWorkers({ name: "shop", limit: 1 });
  const two = await deployments.listDeploymentWorkers({ name: "shop", limit: 1, cursor: one.nextCursor! });
  expect(two.workers[0]!.name).not.toBe(one.workers[0]!.name);
  await second.stop();
});

test("schedules are made, found, changed, paused, resumed, triggered and deleted", async () => {
  const { schedules } = workflows;
  const schedule = { input: { amount: 1 }, intervals: [{ every: "PT4H" }] };
  const given = { schedule, workflowTaskQueue: "shop", deploymentName: "shop" };
  await schedules.scheduleWorkflow({ ...given, workflowIdentifier: "quick", scheduleId: "nightly" });
  await schedules.scheduleWorkflow({ schedule, workflowRegistrationId: registrationId, scheduleId: "by-registration" });
  await schedules.scheduleWorkflow({ schedule, workflowVersionId: registrationId, scheduleId: "by-version" });
  const all = { workflowName: "quick", userId: "current", status: "active" as const, search: "night", pageSize: 2 };
  expect((await schedules.getSchedules(all)).result.schedules.map((s) => s.scheduleId)).toEqual(["nightly"]);
  const page = await schedules.getSchedules({ pageSize: 1 });
  const next = await schedules.getSchedules({ pageSize: 1, nextPageToken: page.result.nextPageToken! });
  expect(next.result.schedules[0]!.scheduleId).not.toBe(page.result.schedules[0]!.scheduleId);
  const changed = { schedule: { jitter: "PT1M" } };
  await schedules.updateSchedule({ scheduleId: "nightly", workflowScheduleUpdateRequest: changed });
  const note = { note: "holidays" };
  await schedules.pauseSchedule({ scheduleId: "nightly", workflowSchedulePauseRequest: note });
  expect(await schedules.getSchedule({ scheduleId: "nightly" })).toMatchObject({ paused: true, note: "holidays" });
  await schedules.resumeSchedule({ scheduleId: "nightly", workflowSchedulePauseRequest: { note: "back" } });
  await schedules.triggerSchedule({ scheduleId: "nightly", workflowScheduleTriggerRequest: { overlap: 6 } });
  for (const scheduleId of ["nightly", "by-registration", "by-version"])
    await schedules.unscheduleWorkflow({ scheduleId });
  expect((await failure(schedules.getSchedule({ scheduleId: "nightly" }))).status).toBe(404);
});

test("metrics of a workflow are read for a window", async () => {
  await workflows.executeWorkflow({ workflowIdentifier: "quick", workflowExecutionRequest: { waitForResult: true } });
  const found = await workflows.metrics.getWorkflowMetrics({ workflowName: "quick", startTime: began, endTime: later });
  expect(found.executionCount.value).toBeGreaterThanOrEqual(1);
});

test("operations of the vendor's hosting are refused", async () => {
  const { deployments } = workflows;
  const spec = { githubUrl: "https://example.org/repository" };
  const calls = [
    deployments.createDeployment({ name: "hosted", spec }),
    deployments.updateDeployment({ name: "shop", updateDeploymentRequest: { spec: {}, resources: { replicas: 2 } } }),
    deployments.deleteDeployment({ name: "shop" }),
    deployments.startDeployment({ name: "shop" }),
    deployments.stopDeployment({ name: "shop" }),
    deployments.restartDeployment({ name: "shop" }),
  ];
  for (const call of calls) expect((await failure(call)).status).toBe(501);
  expect(Object.keys(REFUSED)).toHaveLength(calls.length);
});

test("no operation of the client, and none of its parameters, is missing above", () => {
  const missing: string[] = [];
  for (const [path, parameters] of officialParameters()) {
    const passed = used.get(path);
    if (!passed) missing.push(path);
    else missing.push(...parameters.filter((name) => !passed.has(name)).map((name) => `${path} ${name}`));
  }
  expect(missing.filter((name) => !(name in LEFT_OUT))).toEqual([]);
  expect(officialParameters().size).toBe(OFFICIAL_OPERATIONS.filter(([, , path]) => path !== null).length);
});

test("the client has no function that the list of its operations lacks", () => {
  const client = new Mistral({ serverURL: server.url, apiKey: server.key });
  const listed = OFFICIAL_OPERATIONS.flatMap(([, , path]) => (path === null ? [] : [path]));
  expect(clientFunctions(client).toSorted()).toEqual(listed.toSorted());
});
