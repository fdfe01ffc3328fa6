/** The export of traces to a collector that the test runs. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Mistral } from "@mistralai/mistralai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { activity, type RunningWorker, startWorker, WorkflowError, workflow } from "../../sdk/index.ts";
import { TraceExporter } from "../../shared/server/trace-exporter.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";

interface Sent {
  readonly path: string;
  readonly headers: Record<string, unknown>;
  readonly body: { resourceSpans: { resource: object; scopeSpans: { spans: Record<string, unknown>[] }[] }[] };
}

const charge = activity({ name: "charge", retry: { maxAttempts: 2, first: "1ms" } }, async (_, ctx) => {
  if (ctx.attempt === 1) throw new Error("the bank is closed");
});
const orders = workflow({ name: "orders" }, async () => charge());
const fails = workflow({ name: "fails" }, async () => {
  throw new WorkflowError("no stock");
});

let server: TestServer;
let client: Mistral;
let worker: RunningWorker;
let collector: Server;
let url: string;
let sent: Sent[];
/** Statuses of the next answers; then 200. */
let answers: number[];
beforeEach(async () => {
  [sent, answers] = [[], []];
  collector = createServer((request, response) => {
    let text = "";
    request.on("data", (part) => {
      text += part;
    });
    request.on("end", () => {
      sent.push({ path: request.url!, headers: request.headers, body: JSON.parse(text) as Sent["body"] });
      response.writeHead(answers.shift() ?? 200).end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  server = await testServer();
  client = new Mistral({ serverURL: server.url, apiKey: server.key });
  worker = await startWorker({
    workflows: [orders, fails],
    activities: [charge],
    deployment: "shop",
    url: server.url,
    apiKey: server.key,
    log: QUIET,
  });
});
afterEach(async () => {
  await worker.stop();
  await server.close();
  collector.closeAllConnections();
  collector.close();
});

function exporting(o: { url?: string; tries?: number } = {}) {
  const warnings: string[] = [];
  const log = { info() {}, error() {}, warn: (message: string) => void warnings.push(message) };
  const options = { url, pauseMs: 1, headers: { "x-team": "shop" }, ...o };
  const exporter = new TraceExporter({ ...server.ports, log }, options);
  server.ports.onRunClosed((ref, run) => exporter.add({ ref, run }));
  return { exporter, warnings };
}
const execute = (workflowIdentifier: string, executionId: string) =>
  client.workflows
    .executeWorkflow({ workflowIdentifier, workflowExecutionRequest: { executionId, input: {}, waitForResult: true } })
    .catch(() => {});
const spansOf = (all: readonly Sent[]) =>
  all.flatMap(({ body }) => body.resourceSpans.flatMap((r) => r.scopeSpans.flatMap(({ spans }) => spans)));

test("the spans of a closed run are those of its trace, in the form that collectors take", async () => {
  const { exporter } = exporting();
  await execute("orders", "e-1");
  await execute("fails", "e-2");
  await exporter.flush();
  expect(sent[0]).toMatchObject({
    path: "/v1/traces",
    headers: { "content-type": "application/json", "x-team": "shop" },
  });
  const spans = spansOf(sent);
  const { otelTraceData } = await client.workflows.executions.getWorkflowExecutionTraceOtel({ executionId: "e-1" });
  const derived = otelTraceData!.batches![0]!.scopeSpans![0]!.spans!;
  for (const span of derived) {
    expect(spans).toContainEqual(
      expect.objectContaining({
        traceId: span.traceId,
        spanId: span.spanId,
        name: span.name,
        startTimeUnixNano: span.startTimeUnixNano,
        endTimeUnixNano: span.endTimeUnixNano,
      }),
    );
  }
  const run = spans.find((span) => span.spanId === derived[0]!.spanId)!;
  expect(run).toMatchObject({ kind: 2, status: {} });
  expect(run).not.toHaveProperty("parentSpanId");
  const attempts = spans.filter((span) => span.name === "charge");
  expect(attempts.map((span) => span.status)).toEqual([{ code: 2, message: "the bank is closed" }, {}]);
  expect(attempts.map((span) => span.parentSpanId)).toEqual([run.spanId, run.spanId]);
  expect(spans.find((span) => span.name === "fails")).toMatchObject({ status: { code: 2, message: "no stock" } });
  expect(sent[0]!.body.resourceSpans[0]!.resource).toMatchObject({
    attributes: expect.arrayContaining([{ key: "service.name", value: { stringValue: "shop" } }]),
  });
});

test("a request that fails is repeated with the same spans", async () => {
  const { exporter, warnings } = exporting();
  answers = [503, 429];
  await execute("orders", "e-1");
  await exporter.flush();
  expect(sent).toHaveLength(3);
  expect(new Set(sent.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  expect(warnings).toEqual([]);
});

test("a collector that refuses, or cannot be reached, holds no execution up and is logged", async () => {
  const { exporter, warnings } = exporting({ tries: 2 });
  answers = [400];
  await execute("orders", "e-1");
  await exporter.flush();
  expect(sent).toHaveLength(1);
  expect(warnings).toEqual(["traces: runs were not exported, the collector refuses them: it answered 400"]);
  const gone = exporting({ url: "http://127.0.0.1:1", tries: 2 });
  await execute("orders", "e-2");
  await gone.exporter.flush();
  expect(gone.warnings[0]).toMatch(/^traces: runs were not exported, the collector cannot be reached: /);
  const { status } = await client.workflows.executions.getWorkflowExecution({ executionId: "e-2" });
  expect(status).toBe("COMPLETED");
});

test("runs beyond the queue are dropped", async () => {
  const { exporter, warnings } = exporting();
  for (let i = 0; i < 1_200; i++) exporter.add({ ref: { workspace: "w", execution: "e" }, run: `r-${i}` });
  await exporter.flush();
  expect(warnings).toEqual(["traces: runs were not exported, too many runs wait for the collector"]);
  expect(sent).toEqual([]); // none of these runs exists
});
