/** What a worker of the official Python SDK must do, on either engine. The workflows are those of `workers/surface.py`. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Mistral } from "@mistralai/mistralai";
import { expect } from "vitest";

export interface Place {
  readonly url: string;
  readonly key: string;
}

type Json = Record<string, unknown>;

export const scratch = (): string => mkdtempSync(join(tmpdir(), "sirocco-python-"));

export async function call(
  at: Place,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Json }> {
  const answer = await fetch(`${at.url}/v1/workflows${path}`, {
    method,
    headers: { authorization: `Bearer ${at.key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json().catch(() => ({}))) as Json };
}

export async function start(at: Place, workflow: string, input: unknown, deployment?: string): Promise<string> {
  const id = `${workflow}-${randomUUID().slice(0, 8)}`;
  const body = { input, execution_id: id, ...(deployment ? { deployment_name: deployment } : {}) };
  const { status, body: answer } = await call(at, "POST", `/${workflow}/execute`, body);
  expect(answer, `start of ${workflow}`).toMatchObject({ execution_id: id });
  expect(status).toBe(200);
  return id;
}

/** Status and result, or failure, once it has closed. */
export async function closed(at: Place, id: string, seconds = 60): Promise<[string, unknown]> {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const { body } = await call(at, "GET", `/executions/${id}`);
    if (body.status !== "RUNNING") return [String(body.status), body.result];
    if (Date.now() > until) throw new Error(`${id} is still running: ${JSON.stringify(await history(at, id))}`);
    await new Promise((ok) => setTimeout(ok, 100));
  }
}

export async function run(
  at: Place,
  workflow: string,
  input: unknown,
  deployment?: string,
): Promise<[string, unknown]> {
  return closed(at, await start(at, workflow, input, deployment));
}

export async function history(at: Place, id: string): Promise<({ kind: string } & Json)[]> {
  const { body } = await call(at, "GET", `/executions/${id}/history?decode_payloads=true`);
  return body.events as ({ kind: string } & Json)[];
}

export async function kinds(at: Place, id: string): Promise<string[]> {
  return (await history(at, id)).map((event) => event.kind);
}

/** Waits until the history has an event of this kind. */
export async function recorded(at: Place, id: string, kind: string, seconds = 40): Promise<Json> {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const found = (await history(at, id)).find((event) => event.kind === kind);
    if (found) return found;
    if (Date.now() > until) throw new Error(`${id} has no ${kind}: ${JSON.stringify(await history(at, id))}`);
    await new Promise((ok) => setTimeout(ok, 50));
  }
}

/** Activities, children, fan-out, continue-as-new, dependencies, local activities: straight to their results. */
export async function checkResults(at: Place): Promise<void> {
  const book = join(scratch(), "tries");
  const cases: [string, unknown, unknown][] = [
    ["family", { n: 4 }, ["0", "2", "ChildWorkflowError: two is not liked", "6", "42"]],
    ["fanout", { n: 12 }, 506],
    ["streamed", {}, [1, 4, 9, 16, 55]],
    ["gathered", { n: 7 }, 42],
    ["pages", { page: 0 }, 12],
    ["local", {}, 6],
    ["injected", {}, "db7"],
    ["unchecked", {}, 8],
    ["retried", { path: book }, 3],
    ["fails", { how: "caught" }, "ApplicationError ValueError: it broke"],
  ];
  const ids = await Promise.all(cases.map(([workflow, input]) => start(at, workflow, input)));
  const results = await Promise.all(ids.map((id) => closed(at, id)));
  expect(results.map(([status, result]) => [status, result])).toEqual(
    cases.map(([, , result]) => ["COMPLETED", { result }]),
  );
  const nested = await start(at, "nested", {});
  expect(await closed(at, nested)).toEqual(["COMPLETED", { result: `7 True True ${nested}` }]);
}

/** RUN-5: temporalio's handles of other executions. */
export async function checkMessages(at: Place): Promise<void> {
  const [signalled, cancelled] = await Promise.all(["A-8", "A-9"].map((order) => start(at, "order", { order })));
  await Promise.all([signalled!, cancelled!].map((id) => recorded(at, id, "timer_started")));
  const id = await start(at, "messenger", { signalled, cancelled });
  expect(await closed(at, id)).toEqual(["COMPLETED", { result: expect.stringMatching(/^MessageError: .*nobody/) }]);
  expect(await closed(at, signalled!)).toEqual([
    "COMPLETED",
    { result: "charged 1 for A-8 under 36 characters; approved by Ada" },
  ]);
  expect((await closed(at, cancelled!))[0]).toBe("CANCELED");
  const sent = (await history(at, id)).filter(({ kind }) => kind === "activity_scheduled");
  expect(sent.map(({ name }) => name)).toEqual(["__signal_execution", "__cancel_execution", "__signal_execution"]);
}

/** A history holds what the user's code did, and nothing of the SDK's bookkeeping. */
export async function checkHistory(at: Place): Promise<void> {
  const id = await start(at, "order", { order: "A-7" });
  await recorded(at, id, "timer_started");
  expect(await call(at, "POST", `/executions/${id}/queries`, { name: "status", input: {} })).toMatchObject({
    status: 200,
    body: { result: { approved: null } },
  });
  expect((await call(at, "POST", `/executions/${id}/signals`, { name: "approve", input: { by: "Ada" } })).status).toBe(
    202,
  );
  const [status, result] = await closed(at, id);
  expect([status, result]).toEqual(["COMPLETED", { result: "charged 1 for A-7 under 36 characters; approved by Ada" }]);
  const events = await history(at, id);
  expect(events.map((event) => event.kind)).toEqual([
    "execution_started",
    "activity_scheduled",
    "activity_completed",
    "activity_scheduled",
    "activity_completed",
    "custom_task",
    "timer_started",
    "signal_received",
    "timer_cancelled",
    "custom_task",
    "execution_completed",
  ]);
  expect(events[1]).toMatchObject({ activity: 1, name: "reserve", input: ["A-7", 1], args: true });
  expect(events[3]).toMatchObject({ activity: 2, name: "charge", options: { start_to_close_ms: 60_000 } });
}

/** What `logging` and structlog are given in workflow code and activities, once although the run is replayed. */
export async function checkLogs(at: Place): Promise<void> {
  const client = new Mistral({ serverURL: at.url, apiKey: at.key });
  const id = await start(at, "order", { order: "B-9" });
  await recorded(at, id, "timer_started");
  await call(at, "POST", `/executions/${id}/signals`, { name: "approve", input: { by: "Bo" } });
  await closed(at, id);
  const until = Date.now() + 20_000;
  for (;;) {
    const { results } = await client.workflows.executions.getWorkflowExecutionLogs({ executionId: id });
    const shown = results.map(({ severityText, body, logAttributes: a }) => [
      severityText,
      body,
      a.activity_name ?? "",
      a.order ?? a.amount ?? "",
    ]);
    if (shown.length < 3 && Date.now() < until) {
      await new Promise((ok) => setTimeout(ok, 100));
      continue;
    }
    expect(shown).toHaveLength(3);
    expect(shown).toContainEqual(["INFO", "ordered B-9", "", ""]);
    expect(shown).toContainEqual(["INFO", "reserving", "reserve", "B-9"]);
    expect(shown).toContainEqual(["WARN", "reserved", "", "1"]);
    return;
  }
}

/** The official TypeScript client starts, asks, signals, and reads the events, task events of the activity included. */
export async function checkStream(at: Place): Promise<void> {
  const { workflows } = new Mistral({ serverURL: at.url, apiKey: at.key });
  const id = `order-${randomUUID().slice(0, 8)}`;
  await workflows.executeWorkflow({
    workflowIdentifier: "order",
    workflowExecutionRequest: { input: { order: "B-8" }, executionId: id },
  });
  const types: string[] = [];
  await recorded(at, id, "timer_started");
  const status = { executionId: id, queryInvocationBody: { name: "status", input: {} } };
  expect((await workflows.executions.queryWorkflowExecution(status)).result).toEqual({ approved: null });
  const approve = { executionId: id, signalInvocationBody: { name: "approve", input: { by: "Bo" } } };
  expect((await workflows.executions.signalWorkflowExecution(approve)).message).toBeTruthy();
  for await (const frame of await workflows.executions.stream({ executionId: id })) {
    const { eventType } = (frame as { data: { data: { eventType: string } } }).data.data;
    types.push(eventType);
    if (eventType === "WORKFLOW_EXECUTION_COMPLETED") break;
  }
  expect(types.filter((type) => !type.startsWith("CUSTOM"))).toEqual([
    "WORKFLOW_EXECUTION_STARTED",
    "ACTIVITY_TASK_STARTED",
    "ACTIVITY_TASK_COMPLETED",
    "ACTIVITY_TASK_STARTED",
    "ACTIVITY_TASK_COMPLETED",
    "WORKFLOW_EXECUTION_COMPLETED",
  ]);
  const custom = types.filter((type) => type.startsWith("CUSTOM"));
  expect(custom.toSorted()).toEqual([
    "CUSTOM_TASK_COMPLETED",
    "CUSTOM_TASK_COMPLETED",
    "CUSTOM_TASK_IN_PROGRESS",
    "CUSTOM_TASK_STARTED",
    "CUSTOM_TASK_STARTED",
  ]);
}

/** Updates answer, refuse by schema, and fail by code; signals that do not fit never reach it. */
export async function checkHandlers(at: Place): Promise<void> {
  const id = await start(at, "counter", { start: 1 });
  const add = (by: unknown) => call(at, "POST", `/executions/${id}/updates`, { name: "add", input: { by } });
  expect(await add(3)).toMatchObject({ status: 200, body: { result: 7 } });
  expect((await add("three")).status).toBe(422);
  expect(await add(-1)).toMatchObject({ status: 424 });
  expect(await call(at, "POST", `/executions/${id}/queries`, { name: "value", input: {} })).toMatchObject({
    body: { result: 7 },
  });
  expect((await call(at, "POST", `/executions/${id}/queries`, { name: "none", input: {} })).status).toBe(404);
  await call(at, "POST", `/executions/${id}/signals`, { name: "stop", input: {} });
  expect(await closed(at, id)).toEqual(["COMPLETED", { result: 7 }]);
}

/** A person answers; an answer that does not fit is refused and the workflow waits on. */
export async function checkHumanInput(at: Place): Promise<void> {
  const id = await start(at, "people", {});
  const asked = (await recorded(at, id, "custom_task")) as { task: string; task_type: string };
  expect(asked.task_type).toBe("wait_for_input");
  const submit = (input: unknown) =>
    call(at, "POST", `/executions/${id}/updates`, { name: "__submit_input", input: { task_id: asked.task, input } });
  expect((await submit({ approved: true, by: "x" })).status).toBeGreaterThanOrEqual(400);
  expect((await submit({ approved: true, by: "Ada" })).status).toBe(200);
  expect(await closed(at, id)).toEqual(["COMPLETED", { result: "True by Ada" }]);
}

/** Cancellation is raised once, cleaning up is possible, and a running activity is told. */
export async function checkCancellation(at: Place): Promise<void> {
  const id = await start(at, "cleanup", { path: join(scratch(), "never") });
  await recorded(at, id, "timer_started");
  expect((await call(at, "POST", `/executions/${id}/cancel`)).status).toBeLessThan(300);
  expect((await closed(at, id))[0]).toBe("CANCELED");
  expect(await kinds(at, id)).toEqual(
    expect.arrayContaining(["cancel_requested", "activity_cancel_requested", "timer_cancelled", "execution_cancelled"]),
  );
  const cleaned = (await history(at, id)).findLast((event) => event.kind === "activity_completed");
  expect(cleaned).toMatchObject({ name: "clean", result: "cleaned all" });
}

interface Caused {
  readonly message: string;
  readonly cause?: Caused;
}

/** Errors on purpose fail the execution, bugs wait for repaired code, and values that JSON cannot hold are refused. */
export async function checkFailures(at: Place): Promise<void> {
  const statuses = await Promise.all(
    ["workflow_error", "activity", "timeout"].map(async (how) => (await run(at, "fails", { how }))[0]),
  );
  expect(statuses).toEqual(["FAILED", "FAILED", "FAILED"]);
  for (const [how, says] of [
    ["bug", /no such key/],
    ["sandbox", /Cannot access .* from inside a workflow/],
  ] as const) {
    const id = await start(at, "fails", { how });
    const failed = (await recorded(at, id, "workflow_task_failed")) as { failure: { message: string } };
    expect(failed.failure.message).toMatch(says);
    await call(at, "POST", `/executions/${id}/terminate`);
  }
  for (const [what, says] of [
    ["nan", /JSON/],
    ["large", /exceeded the error limit/],
    ["half of an activity", /surrogates not allowed/],
    ["half", /surrogates not allowed/],
  ] as const) {
    const id = await start(at, "odd", { what });
    const [status] = await closed(at, id);
    const { failure } = (await history(at, id)).at(-1) as { failure?: Caused };
    const cause = what === "half" ? failure : failure?.cause;
    expect([status, cause?.message]).toEqual(["FAILED", expect.stringMatching(says)]);
  }
}

/** Executions can be found by what their code says of them. */
export async function checkSearchKeys(at: Place): Promise<void> {
  const id = await start(at, "found", { customer: "c-7" });
  await closed(at, id);
  const found = async (key: string) => {
    const { body } = await call(at, "GET", `/runs?search_key=${encodeURIComponent(key)}`);
    return (body.executions as { execution_id: string }[]).some((one) => one.execution_id === id);
  };
  expect([await found("customer:c-7"), await found("stage:begun"), await found("gone:soon")]).toEqual([
    true,
    true,
    false,
  ]);
}

/** The documents' worker: its schedule was made once, and a start runs it. */
export async function checkReport(at: Place): Promise<void> {
  const { body } = await call(at, "GET", "/schedules");
  expect(body.schedules).toMatchObject([
    { workflow_name: "report_workflow", deployment_name: "reports", cron_expressions: ["0 9 * * *"] },
  ]);
  expect(await run(at, "report_workflow", { report_type: "weekly" })).toEqual(["COMPLETED", null]);
}

export const touch = (path: string): void => writeFileSync(path, "");
