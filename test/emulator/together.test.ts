/**
 * Through the deployed stack, with two workers: activities that stay on one worker, rate limits, logs with their streams, jobs, holds,
 * and examples of the gallery with the typed client.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Mistral } from "@mistralai/mistralai";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { approval, remind } from "../../examples/approval/workflows.ts";
import { bookFlight, bookHotel, cancelFlight, cancelHotel, pay, trip } from "../../examples/saga/workflows.ts";
import type { Deployment } from "../../localstack/deploy.ts";
import { createClient } from "../../sdk/client/index.ts";
import {
  activity,
  log,
  on,
  onOneWorker,
  parallel,
  type RunningWorker,
  signal,
  startWorker,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";
import { HOLD_LAG_MS } from "../../shared/protocol/limits.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { QUIET } from "../support/test-server.ts";
import { DEPLOYED_WITHIN_MS, sharedStack } from "./shared-stack.ts";
import { cannotRun, eventually } from "./support.ts";

const input = z.object({ n: z.number() });
const RATE = { max: 4, per: "5s", key: "provider" } as const;
/** Between the worker's look at its permit and the first statement of the activity, on a busy machine. */
const STALL_MS = 500;
const begins: number[] = [];
/** By the worker that runs them: each has functions of its own. */
function codeOf(name: string) {
  const load = activity({ name: "load", sticky: true }, async () => name);
  const ask = activity({ name: "ask", sticky: true, input }, async ({ n }) => `${name} ${n}`);
  const limited = activity({ name: "limited", rateLimit: RATE, input }, async ({ n }, ctx) => {
    begins.push(Date.now());
    ctx.log.info(`call ${n}`, { n });
    return n;
  });
  const approve = signal("approve");
  const session = workflow({ name: "session" }, () =>
    onOneWorker(async () => [await load(), await ask({ n: 1 }), await ask({ n: 2 })]),
  );
  const fanOut = workflow({ name: "fan_out" }, async () => {
    log.info("fanning out");
    const calls = Array.from({ length: 10 }, (_, n) => n);
    return { sum: (await parallel(calls, (n) => limited({ n }), { concurrency: 10 })).reduce((a, b) => a + b, 0) };
  });
  const waits = workflow({ name: "waits", handlers: [approve] }, async () => {
    let approved = false;
    on(approve, () => {
      approved = true;
    });
    await waitUntil(() => approved);
    return "approved";
  });
  const examples = [remind, bookHotel, cancelHotel, bookFlight, cancelFlight, pay];
  return { workflows: [session, fanOut, waits, trip, approval], activities: [load, ask, limited, ...examples] };
}

let stack: Deployment;
let key: string;
let client: Mistral;
const workers: RunningWorker[] = [];

const api = (method: string, path: string, body?: unknown) => ask(method, `/v1/workflows${path}`, body);
async function ask(method: string, path: string, body?: unknown) {
  const answer = await fetch(`${stack.apiUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}
async function result(workflowIdentifier: string, executionId: string): Promise<unknown> {
  await client.workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest: { executionId } });
  return await completed(executionId);
}
/** However long the machine takes. */
const completed = (executionId: string): Promise<unknown> =>
  eventually(
    `the end of ${executionId}`,
    async () => {
      const { status, result } = await client.workflows.executions.getWorkflowExecution({ executionId });
      if (status === "COMPLETED") return { result };
      expect(status, `status of ${executionId}`).toBe("RUNNING");
      return undefined;
    },
    120_000,
  ).then(({ result }) => result);

describeUnless(cannotRun)("two workers of the deployed stack", () => {
  beforeAll(async () => {
    ({ stack, key } = await sharedStack());
    client = new Mistral({ serverURL: stack.apiUrl, apiKey: key });
    for (const name of ["one", "two"])
      workers.push(
        await startWorker({ ...codeOf(name), deployment: "both", name, url: stack.workerUrl, apiKey: key, log: QUIET }),
      );
  }, DEPLOYED_WITHIN_MS);
  afterAll(async () => {
    await Promise.all(workers.map((each) => each.stop()));
  }, 60_000);

  test("keep the sticky activities of a session on one of them", async () => {
    for (let i = 0; i < 3; i++) {
      const { result: said } = (await result("session", `session-${i}`)) as { result: string[] };
      const [name] = said;
      expect(["one", "two"]).toContain(name);
      expect(said).toEqual([name, `${name} 1`, `${name} 2`]);
    }
  }, 400_000);

  test("begin nothing of a workflow that an operator holds over HTTP, and begin it after the release", async () => {
    const typed = createClient({ url: stack.apiUrl, apiKey: key });
    const held = { workflow_name: "session" };
    const taken = await ask("POST", "/v1/holds", { ...held, reason: "the bank is down" });
    expect(taken).toMatchObject({ status: 200, body: { ...held, reason: "the bank is down", release: null } });
    await delay(HOLD_LAG_MS); // HOLD-6
    await client.workflows.executeWorkflow({
      workflowIdentifier: "session",
      workflowExecutionRequest: { executionId: "held" },
    });
    // Another workflow of the deployment gets through the same queue.
    await typed.execute(trip, { trip: "T-2" }, { id: "trip-2" });
    const why = await api("GET", "/executions/held/explain");
    expect(why.body.waits, JSON.stringify(why.body)).toMatchObject([{ kind: "on_hold", actor: "operator" }]);
    const { body } = await api("GET", "/executions/held/history");
    expect((body.events as { kind: string }[]).map(({ kind }) => kind)).toEqual(["execution_started"]);
    expect(await ask("GET", "/v1/holds")).toMatchObject({ body: { holds: [held] } });
    const released = await ask("POST", "/v1/holds/release", held);
    expect(released.status, JSON.stringify(released.body)).toBe(200);
    expect(((await completed("held")) as { result: string[] }).result).toHaveLength(3);
    expect((await ask("POST", "/v1/holds/release", { workflow_name: "waits" })).body).toMatchObject({
      code: "NOT_HELD",
    });
  }, 240_000);

  test("hold a rate limit together, and lose no call", async () => {
    expect(await result("fan_out", "fanned")).toMatchObject({ sum: 45 });
    // At least once: an attempt whose task came again takes a permit of its own.
    expect(begins.length).toBeGreaterThanOrEqual(10);
    for (const from of begins)
      expect(begins.filter((at) => at >= from && at < from + 5_000 - STALL_MS).length).toBeLessThanOrEqual(4);
  }, 150_000);

  test("send what the code logs, once, to pages and to streams", async () => {
    const records = begins.length + 1;
    const lines = ["fanning out", ...Array.from({ length: 10 }, (_, n) => `call ${n}`)];
    const found = await eventually(
      "the records",
      async () => {
        const page = await client.workflows.executions.getWorkflowExecutionLogs({ executionId: "fanned" });
        return page.results.length >= records ? page.results.map(({ body }) => body) : undefined;
      },
      60_000,
    );
    expect(found).toHaveLength(records);
    expect([...new Set(found)].toSorted()).toEqual(lines.toSorted());
    const streamed: unknown[] = [];
    for await (const { data } of await client.workflows.executions.streamWorkflowExecutionLogs({
      executionId: "fanned",
    }))
      if (data !== undefined) streamed.push((data as { body: string }).body);
    expect(streamed).toEqual(found);
    const ofBoth = await eventually(
      "the records of the deployment",
      async () => {
        const p = { name: "both", workflowName: "fan_out" };
        const { results } = await client.workflows.deployments.getDeploymentLogs(p);
        return results.length >= records ? results.map(({ body }) => body) : undefined;
      },
      60_000,
    );
    expect(ofBoth.toSorted()).toEqual(found.toSorted());
  }, 120_000);

  test("take the signal of a job into each execution that its filter finds", async () => {
    const ids = ["waits-1", "waits-2", "waits-3"];
    for (const executionId of ids)
      await client.workflows.executeWorkflow({
        workflowIdentifier: "waits",
        workflowExecutionRequest: { executionId },
      });
    await eventually(
      "their runs in the list",
      async () => {
        const { result: page } = await client.workflows.runs.listRuns({ workflowIdentifier: "waits" });
        return page.executions.length === ids.length ? true : undefined;
      },
      60_000,
    );
    const job = { action: "signal", filter: { workflow_identifier: "waits" }, name: "approve", input: {} };
    const made = await api("POST", "/jobs", job);
    expect(made.status, JSON.stringify(made.body)).toBeLessThan(300);
    for (const executionId of ids) expect(await completed(executionId)).toEqual({ result: "approved" });
    const ended = await eventually(
      "the end of the job",
      async () => {
        const { body } = await api("GET", `/jobs/${made.body.job_id as string}`);
        return body.status === "COMPLETED" ? body : undefined;
      },
      60_000,
    );
    expect(ended).toMatchObject({ total: 3, succeeded: 3, skipped: 0, failed: 0 });
  }, 400_000);

  test("leave an execution with the cost that DynamoDB was asked for", async () => {
    const { body } = await api("GET", "/executions/session-0");
    expect(body.cost).toMatchObject({ commits: null, bytes_written: null });
    const { write_units, worker_calls } = body.cost as { write_units: number; worker_calls: number };
    expect(write_units).toBeGreaterThanOrEqual(10);
    expect(worker_calls).toBeGreaterThanOrEqual(3);
  });

  test("run examples of the gallery, which the typed client starts, follows and reads", async () => {
    const typed = createClient({ url: stack.apiUrl, apiKey: key });
    const run = await typed.start(trip, { trip: "T-1" }, { id: "trip-1" });
    const types: string[] = [];
    for await (const { event_type } of run.events()) types.push(event_type);
    expect(types.at(0)).toBe("WORKFLOW_EXECUTION_STARTED");
    expect(types.filter((type) => type === "ACTIVITY_TASK_COMPLETED")).toHaveLength(3);
    expect(types.at(-1)).toBe("WORKFLOW_EXECUTION_COMPLETED");
    const { booked } = await run.result();
    expect(booked.map((each) => each.split("/", 2).join("/"))).toEqual([
      "book-hotel/T-1",
      "book-flight/T-1",
      "pay/T-1",
    ]);

    const asked = await typed.start(approval, { what: "a chair", boss: "ada" }, { id: "chair" });
    const question = await eventually(
      "the question",
      async () => {
        const { body } = await api("GET", "/inputs");
        return (body.inputs as { task_id: string; execution_id: string }[]).find((one) => one.execution_id === "chair");
      },
      60_000,
    );
    const input = { task_id: question.task_id, input: { approved: true, by: "ada" } };
    const { status } = await api("POST", "/executions/chair/updates", { name: "__submit_input", input });
    expect(status).toBe(200);
    expect(await asked.result()).toEqual({ outcome: "approved", reminders: 0 });
    expect(await asked.describe()).toMatchObject({ status: "COMPLETED" });
  }, 240_000);

  test("see a hold disappear by itself once its release is over", async () => {
    await eventually(
      "the end of the release",
      async () => {
        const { body } = await ask("GET", "/v1/holds");
        return (body.holds as unknown[]).length === 0 ? true : undefined;
      },
      180_000,
    );
  }, 200_000);
});
