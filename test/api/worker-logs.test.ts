/** What the code of a real worker logs, read by the official client. */
import { Mistral } from "@mistralai/mistralai";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { activity, log, on, query, signal, sleep, startWorker, waitUntil, workflow } from "../../sdk/index.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";

const charge = activity({ name: "charge", retry: { maxAttempts: 2, first: "1ms" } }, async (_, ctx) => {
  ctx.log.info("charging", { amount: 3, of: { order: "o-1" } });
  if (ctx.attempt === 1) throw new Error("the bank is closed");
  log.error("charged", { error: new TypeError("late") });
});
const go = signal("go", z.object({ n: z.number() }));
const count = query("count", z.number());
const orders = workflow({ name: "orders", handlers: [go, count] }, async () => {
  let n = 0;
  on(go, () => {
    n += 1;
    log.info(`signal ${n}`);
  });
  on(count, () => {
    log.info("asked");
    return n;
  });
  log.info("begun", { order: "o-1" });
  console.log("printed", 7);
  log.debug("not sent");
  await charge();
  await sleep("1ms");
  log.warn("slept");
  await waitUntil(() => n >= 3);
  log.info("done");
});
let repaired = false;
const buggy = workflow({ name: "buggy", handlers: [go] }, async () => {
  on(go, () => {});
  log.info("before the bug");
  if (!repaired) throw new TypeError("x is not a function");
  log.info("after the repair");
});
const flood = activity({ name: "flood" }, async (_, ctx) => {
  const began = performance.now();
  for (let i = 0; i < 60_000; i++) ctx.log.info(`line ${i}`, { i });
  return { ms: performance.now() - began };
});
const floods = workflow({ name: "floods", output: z.object({ ms: z.number() }) }, async () => flood());
const quiet = workflow({ name: "quiet" }, async () => log.info("unseen"));

let server: TestServer;
let client: Mistral;
beforeAll(async () => {
  server = await testServer();
  client = new Mistral({ serverURL: server.url, apiKey: server.key });
});
afterAll(() => server.close());

const begin = (name: string, more: object = {}) =>
  startWorker({
    workflows: [orders, buggy, floods],
    activities: [charge, flood],
    deployment: "shop",
    name,
    url: server.url,
    apiKey: server.key,
    log: QUIET,
    ...more,
  });
const execute = (workflowIdentifier: string, executionId: string) =>
  client.workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest: { executionId, input: {} } });
const send = (executionId: string, n: number) =>
  client.workflows.executions.signalWorkflowExecution({
    executionId,
    signalInvocationBody: { name: "go", input: { n } },
  });
async function logs(executionId: string, more: object = {}) {
  const { results } = await client.workflows.executions.getWorkflowExecutionLogs({ executionId, limit: 100, ...more });
  return results;
}
const bodies = async (executionId: string) => (await logs(executionId)).map(({ body }) => body);
const closed = (executionId: string) =>
  vi.waitFor(
    async () => {
      const { status } = await client.workflows.executions.getWorkflowExecution({ executionId });
      expect(status).toBe("COMPLETED");
    },
    { timeout: 20_000, interval: 50 },
  );
const eventually = (look: () => Promise<void>) => vi.waitFor(look, { timeout: 10_000, interval: 50 });

describe("a worker", () => {
  test("sends what workflow code and activities log, once although each step is replayed", async () => {
    const worker = await begin("w1", { cachedExecutions: 0 });
    await execute("orders", "o-1");
    for (const n of [1, 2, 3]) {
      await send("o-1", n);
      await client.workflows.executions.queryWorkflowExecution({
        executionId: "o-1",
        queryInvocationBody: { name: "count", input: {} },
      });
    }
    await closed("o-1");
    await worker.stop();
    const all = await logs("o-1");
    const ofWorkflow = all.filter((r) => r.logAttributes.activity_id === undefined && r.body !== "asked");
    expect(ofWorkflow.map((r) => r.body)).toEqual(
      expect.arrayContaining(["begun", "printed 7", "slept", "signal 1", "signal 2", "signal 3", "done"]),
    );
    expect(ofWorkflow).toHaveLength(7);
    expect(all.filter((r) => r.body === "asked").length).toBeGreaterThan(0);
    const begun = all.find((r) => r.body === "begun")!;
    expect(begun.logAttributes).toMatchObject({ order: "o-1", workflow_name: "orders", worker_name: "w1" });
    expect(begun.severityText).toBe("INFO");
    const ofActivity = await logs("o-1", { activityId: "1" });
    expect(ofActivity.map((r) => [r.logAttributes.attempt, r.severityText, r.body])).toEqual([
      ["1", "INFO", "charging"],
      ["2", "INFO", "charging"],
      ["2", "ERROR", "charged"],
    ]);
    expect(ofActivity[0]!.logAttributes).toMatchObject({ amount: "3", of: '{"order":"o-1"}', activity_name: "charge" });
    expect(ofActivity[2]!.logAttributes.error).toMatch(/^TypeError: late\n/);
    const trace = await client.workflows.executions.getWorkflowExecutionTraceSummary({ executionId: "o-1" });
    const attempts = trace.spanTree!.children!.filter((span) => span.name === "charge").map((span) => span.spanId);
    expect(new Set(ofActivity.map((r) => r.spanId))).toEqual(new Set(attempts));
  });

  test("sends them while the execution runs, and a stream shows them", async () => {
    const worker = await begin("w1");
    await execute("orders", "o-2");
    const stream = await client.workflows.executions.streamWorkflowExecutionLogs({ executionId: "o-2" });
    const seen: string[] = [];
    let sent = 0;
    for await (const { data } of stream) {
      const { body } = data as { body: string };
      seen.push(body);
      if (sent < 3 && (body === "slept" || body.startsWith("signal"))) await send("o-2", ++sent);
    }
    expect(seen.at(-1)).toBe("done");
    expect(seen.filter((body) => body.startsWith("signal"))).toEqual(["signal 1", "signal 2", "signal 3"]);
    await worker.stop();
  });

  test("sends the step at which code failed once, with the error, and what the repaired code logs", async () => {
    repaired = false;
    const worker = await begin("w1");
    await execute("buggy", "b-1");
    const failed = "workflow code failed, the execution waits for repaired code: x is not a function";
    await eventually(async () => expect(await bodies("b-1")).toEqual(["before the bug", failed]));
    for (let i = 0; i < 3; i++) {
      await client.workflows.executions.signalWorkflowExecution({
        executionId: "b-1",
        signalInvocationBody: { name: "go", input: { n: i } },
      });
    }
    await worker.stop();
    expect(await bodies("b-1")).toEqual(["before the bug", failed]);
    repaired = true;
    const again = await begin("w2");
    await closed("b-1");
    await again.stop();
    expect(await bodies("b-1")).toEqual(["before the bug", failed, "before the bug", "after the repair"]);
  });

  test("is not slowed by a flood of lines: it drops what it cannot send, and says how many", async () => {
    const worker = await begin("w1");
    const { result } = (await client.workflows.executeWorkflow({
      workflowIdentifier: "floods",
      workflowExecutionRequest: { executionId: "f-1", input: {}, waitForResult: true },
    })) as { result: { ms: number } };
    await worker.stop();
    expect(result.ms).toBeLessThan(5_000);
    const [last] = await logs("f-1", { order: "desc", limit: 1 });
    const [, dropped] = /^(\d+) log records were dropped: a run keeps at most 10000 records and 5 MB$/.exec(
      last!.body,
    )!;
    const first = await logs("f-1");
    expect(first.map((r) => r.body)).toEqual(first.map((_, i) => `line ${i}`));
    expect(Number(dropped)).toBeGreaterThan(40_000);
  });

  test("sends nothing where it is told so, and refuses a level that is none", async () => {
    const options = { workflows: [quiet], activities: [], deployment: "silent", shipLogs: false };
    const worker = await begin("w1", options);
    await execute("quiet", "q-1");
    await closed("q-1");
    await worker.stop();
    expect(await bodies("q-1")).toEqual([]);
    await expect(begin("w1", { ...options, shipLogs: "loud" })).rejects.toThrow(
      "shipLogs is 'loud': it must be true, false or one of debug, info, warn, error",
    );
  });
});
