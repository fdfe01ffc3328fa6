/** Traces, which the server derives from histories: real workers, the official client, and raw calls where it hides a field. */
import { Mistral } from "@mistralai/mistralai";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import {
  activity,
  child,
  continueAsNew,
  on,
  type RunningWorker,
  signal,
  sleep,
  startWorker,
  update,
  WorkflowError,
  waitForInput,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";
import { failure } from "./support/world.ts";

const flaky = activity({ name: "flaky", retry: { maxAttempts: 2, first: "1ms" } }, async (_, ctx) => {
  if (ctx.attempt === 1) throw new Error("the bank is closed");
});
const approve = signal("approve", z.object({ by: z.string() }));
const amend = update("amend", z.object({ n: z.number() }), z.number());
const below = workflow({ name: "below" }, async () => {});
const orders = workflow({ name: "orders", handlers: [approve, amend] }, async () => {
  let approved = false;
  on(approve, () => {
    approved = true;
  });
  on(amend, ({ n }) => n);
  await flaky();
  await sleep("1ms");
  await child(below, {}, { id: "t-child" });
  await waitUntil(() => approved);
});
const asks = workflow({ name: "asks", interactive: true }, async () => {
  await waitForInput(z.object({ ok: z.boolean() }), { label: "Pay?" });
});
const fails = workflow({ name: "fails" }, async () => {
  throw new WorkflowError("no stock");
});
const twice = workflow({ name: "twice", input: z.object({ n: z.number() }) }, async ({ n }) =>
  n === 0 ? continueAsNew({ n: 1 }) : undefined,
);

let server: TestServer;
let worker: RunningWorker;
let client: Mistral;
beforeAll(async () => {
  server = await testServer();
  client = new Mistral({ serverURL: server.url, apiKey: server.key });
  worker = await startWorker({
    workflows: [below, orders, asks, fails, twice],
    activities: [flaky],
    deployment: "shop",
    url: server.url,
    apiKey: server.key,
    log: QUIET,
  });
});
afterAll(async () => {
  await worker.stop();
  await server.close();
});

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

const execute = (workflow: string, id: string, more: Record<string, unknown> = {}, headers = {}) =>
  fetch(`${server.url}/v1/workflows/${workflow}/execute`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ execution_id: id, input: {}, ...more }),
  });
const closed = (id: string) =>
  vi.waitFor(
    async () => {
      const { status } = await client.workflows.executions.getWorkflowExecution({ executionId: id });
      expect(status).not.toBe("RUNNING");
    },
    { timeout: 10_000, interval: 20 },
  );
const otel = async (executionId: string) => {
  const answer = await client.workflows.executions.getWorkflowExecutionTraceOtel({ executionId });
  const [batch] = answer.otelTraceData!.batches!;
  return { ...answer, spans: batch!.scopeSpans![0]!.spans! };
};

describe("the trace of a closed execution", () => {
  beforeAll(async () => {
    await execute("orders", "t-1", { custom_tracing_attributes: { team: "blue" } }, { traceparent: TRACEPARENT });
    await client.workflows.executions.updateWorkflowExecution({
      executionId: "t-1",
      updateInvocationBody: { name: "amend", input: { n: 3 } },
    });
    await client.workflows.executions.signalWorkflowExecution({
      executionId: "t-1",
      signalInvocationBody: { name: "approve", input: { by: "Ada" } },
    });
    await closed("t-1");
  });

  test("joins the caller's trace, below the caller's span, with the caller's attributes", async () => {
    const info = await client.workflows.executions.getWorkflowExecutionTraceInfo({ executionId: "t-1" });
    expect(info).toMatchObject({ otelTraceId: TRACE, hasTraceData: true });
    const { spans, dataSource, otelTraceId } = await otel("t-1");
    expect([dataSource, otelTraceId]).toEqual(["history", TRACE]);
    expect(spans[0]).toMatchObject({ traceId: TRACE, parentSpanId: SPAN, name: "orders", kind: "SPAN_KIND_SERVER" });
    expect(spans[0]!.attributes).toContainEqual({ key: "team", value: { stringValue: "blue" } });
  });

  test("has a span for each attempt, timer, child and update, all below that of the run, with exact nanoseconds", async () => {
    const { spans } = await otel("t-1");
    const [run, ...below] = spans;
    expect(below.map(({ name }) => name).sort()).toEqual(["amend", "below", "flaky", "flaky", "timer"]);
    expect(below.every(({ parentSpanId }) => parentSpanId === run!.spanId)).toBe(true);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    const failed = below.find((span) => span.attributes!.some((a) => a.key === "error.message"));
    expect(failed!.attributes).toContainEqual({ key: "error.message", value: { stringValue: "the bank is closed" } });
    expect(failed!.attributes).toContainEqual({ key: "sirocco.attempt", value: { intValue: "1" } });
    for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
      expect(startTimeUnixNano).toMatch(/^\d{13}000000$/);
      expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
    }
    expect(run!.events!.map(({ name }) => name)).toEqual(["signal_received"]);
  });

  test("is the trace of its children too: the child's run is below the span of the call", async () => {
    const mine = await otel("t-1");
    const childs = await otel("t-child");
    const call = mine.spans.find(({ name }) => name === "below");
    expect(childs.otelTraceId).toBe(TRACE);
    expect(childs.spans[0]!.parentSpanId).toBe(call!.spanId);
  });

  test("has the same ids at every call and in every form", async () => {
    const [first, again] = [await otel("t-1"), await otel("t-1")];
    const ids = first.spans.map(({ spanId }) => spanId);
    expect(again.spans.map(({ spanId }) => spanId)).toEqual(ids);
    const { spanTree } = await client.workflows.executions.getWorkflowExecutionTraceSummary({ executionId: "t-1" });
    expect([spanTree!.spanId, ...spanTree!.children!.map(({ spanId }) => spanId)]).toEqual(ids);
    expect(spanTree!.startTimeUnixNano).toBe(Math.round(Number(first.spans[0]!.startTimeUnixNano) / 1000));
  });

  test("as events: a beginning and an end for each span, merged on request, internal ones on request", async () => {
    const ask = async (more: object) =>
      (await client.workflows.executions.getWorkflowExecutionTraceEvents({ executionId: "t-1", ...more })).events!;
    const plain = await ask({});
    expect(plain.filter(({ name }) => name === "orders").map((e) => "status" in e && e.status)).toEqual([
      "RUNNING",
      "COMPLETED",
    ]);
    expect(plain.some(({ name }) => name === "timer")).toBe(false);
    expect((await ask({ includeInternalEvents: true })).filter(({ name }) => name === "timer")).toHaveLength(2);
    const merged = await ask({ mergeSameIdEvents: true });
    expect(new Set(merged.map(({ id }) => id)).size).toBe(merged.length);
    expect(merged.filter(({ name }) => name === "flaky").map((e) => "status" in e && e.status)).toEqual([
      "FAILED",
      "COMPLETED",
    ]);
    const times = plain.map(({ timestampUnixNano }) => timestampUnixNano);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
});

test("an open execution has open spans: a human input that is awaited has no end", async () => {
  await execute("asks", "t-asks");
  await vi.waitFor(
    async () => {
      const answer = await client.workflows.executions.getWorkflowExecutionTraceSummary({ executionId: "t-asks" });
      const [wait] = answer.spanTree!.children!;
      expect(wait).toMatchObject({
        name: "wait_for_input",
        endTimeUnixNano: null,
        attributes: { "sirocco.kind": "wait" },
      });
      expect(answer.spanTree).toMatchObject({ endTimeUnixNano: null });
    },
    { timeout: 10_000, interval: 20 },
  );
  await client.workflows.executions.terminateWorkflowExecution({ executionId: "t-asks" });
  const { spanTree } = await client.workflows.executions.getWorkflowExecutionTraceSummary({ executionId: "t-asks" });
  expect(spanTree!.attributes).toMatchObject({ "sirocco.status": "TERMINATED", "otel.status_code": "ERROR" });
  expect(spanTree!.children![0]!.attributes).toMatchObject({ "sirocco.ended_by": "close" });
});

test("force_new_trace begins a trace of its own, and a malformed traceparent is left out", async () => {
  await execute("fails", "t-forced", { force_new_trace: true, traceparent: TRACEPARENT });
  await execute("fails", "t-malformed", { traceparent: `00-${"0".repeat(32)}-${SPAN}-01` }, { traceparent: "x" });
  await closed("t-forced");
  for (const id of ["t-forced", "t-malformed"]) {
    const { spans, otelTraceId } = await otel(id);
    expect(otelTraceId).toMatch(/^[0-9a-f]{32}$/);
    expect([otelTraceId === TRACE, spans[0]!.parentSpanId]).toEqual([false, null]);
  }
  const { spans } = await otel("t-forced");
  expect(spans[0]!.attributes).toContainEqual({ key: "error.message", value: { stringValue: "no stock" } });
});

test("a run that continues another is in the trace of the first, below it", async () => {
  await execute("twice", "t-twice", { input: { n: 0 }, traceparent: TRACEPARENT });
  await closed("t-twice");
  const { spans, otelTraceId } = await otel("t-twice");
  expect(otelTraceId).toBe(TRACE);
  expect(spans[0]!.parentSpanId).not.toBe(SPAN);
  expect(spans[0]!.attributes!.map(({ key }) => key)).toContain("sirocco.continued_from");
});

test("an unknown execution is 404 in every form", async () => {
  for (const form of ["info", "otel", "summary", "events"]) {
    const url = `${server.url}/v1/workflows/executions/none/trace/${form}`;
    expect((await fetch(url, { headers: { authorization: `Bearer ${server.key}` } })).status).toBe(404);
  }
  const call = client.workflows.executions.getWorkflowExecutionTraceInfo({ executionId: "none" });
  expect((await failure(call)).body.code).toBe("WF_1100");
});
