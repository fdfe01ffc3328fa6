/** Spans of a worker with the user's OpenTelemetry SDK: they are below the spans that the server derives. */
import { Mistral } from "@mistralai/mistralai";
import * as openTelemetry from "@opentelemetry/api";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient } from "../../sdk/client/index.ts";
import { activity, child, type RunningWorker, startWorker, workflow } from "../../sdk/index.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const spans = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });

const charge = activity({ name: "charge", retry: { maxAttempts: 2, first: "1ms" } }, async (_, ctx) => {
  const own = trace.getTracer("shop").startSpan("ask the bank");
  own.end();
  if (ctx.attempt === 1) throw new Error("the bank is closed");
});
/** Only the other worker has it, so it goes through the queue. */
const ship = activity({ name: "ship" }, async () => {});
const below = workflow({ name: "below" }, async () => charge());
const orders = workflow({ name: "orders" }, async () => {
  await charge();
  await child(below, {}, { id: "s-child" });
  await ship();
});

let server: TestServer;
let client: Mistral;
const workers: RunningWorker[] = [];
beforeAll(async () => {
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  server = await testServer();
  client = new Mistral({ serverURL: server.url, apiKey: server.key });
  const common = { deployment: "shop", url: server.url, apiKey: server.key, log: QUIET };
  workers.push(await startWorker({ ...common, name: "w1", workflows: [orders, below], activities: [charge] }));
  workers.push(await startWorker({ ...common, name: "w2", workflows: [], activities: [ship] }));
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await server.close();
  trace.disable();
  context.disable();
});

const derived = async (executionId: string) => {
  const { otelTraceId, otelTraceData } = await client.workflows.executions.getWorkflowExecutionTraceOtel({
    executionId,
  });
  return { id: otelTraceId, spans: otelTraceData!.batches![0]!.scopeSpans![0]!.spans! };
};

test("spans of runs and attempts, in a queue or not, of children too, are below the derived ones of the caller's trace", async () => {
  const executed = await fetch(`${server.url}/v1/workflows/orders/execute`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${server.key}`,
      "content-type": "application/json",
      traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
    },
    body: JSON.stringify({ execution_id: "s-1", input: {}, wait_for_result: true }),
  });
  expect(executed.status).toBe(200);
  const all = spans.getFinishedSpans();
  expect(new Set(all.map((span) => span.spanContext().traceId))).toEqual(new Set([TRACE]));
  const [root, inner] = [await derived("s-1"), await derived("s-child")];
  expect([root.id, inner.id]).toEqual([TRACE, TRACE]);
  const idsOf = (from: typeof root, name: string) =>
    from.spans.filter((span) => span.name === name).map((span) => span.spanId);
  const ours = (name: string) => all.filter((span) => span.name === name);
  const attempts = ours("charge");
  expect(attempts.map((span) => span.parentSpanContext?.spanId).toSorted()).toEqual(
    [...idsOf(root, "charge"), ...idsOf(inner, "charge")].toSorted(),
  );
  expect(attempts.map((span) => [span.attributes["sirocco.attempt"], span.status.message]).toSorted()).toEqual([
    [1, "the bank is closed"],
    [1, "the bank is closed"],
    [2, undefined],
    [2, undefined],
  ]);
  expect(ours("ship").map((span) => span.parentSpanContext?.spanId)).toEqual(idsOf(root, "ship"));
  expect(new Set(ours("orders").map((span) => span.parentSpanContext?.spanId))).toEqual(
    new Set([root.spans[0]!.spanId]),
  );
  expect(new Set(ours("below").map((span) => span.parentSpanContext?.spanId))).toEqual(
    new Set([inner.spans[0]!.spanId]),
  );
  const within = ours("ask the bank").map((span) => span.parentSpanContext?.spanId);
  expect(within.toSorted()).toEqual(attempts.map((span) => span.spanContext().spanId).toSorted());
});

test("a start of the typed client is a span below the active one, and the span of the run is below it", async () => {
  spans.reset();
  const typed = createClient({ url: server.url, apiKey: server.key, openTelemetry, attempts: 1 });
  const outer = trace.getTracer("shop").startSpan("checkout");
  const within = <T>(work: () => Promise<T>) => context.with(trace.setSpan(context.active(), outer), work);
  await within(() => typed.execute(below, {}, { id: "c-1" }));
  await expect(within(() => typed.start(below, {}, { id: "c-1" }))).rejects.toThrow("c-1");
  outer.end();
  const [begun, refused] = spans.getFinishedSpans().filter(({ name }) => name === "start below");
  const { traceId, spanId } = outer.spanContext();
  expect([begun, refused].map((span) => span?.parentSpanContext?.spanId)).toEqual([spanId, spanId]);
  expect([begun, refused].map((span) => span?.status.code)).toEqual([0, openTelemetry.SpanStatusCode.ERROR]);
  const [run] = (await derived("c-1")).spans;
  expect([run!.traceId, run!.parentSpanId]).toEqual([traceId, begun!.spanContext().spanId]);
});

test("without an OpenTelemetry SDK, or without the API, a start begins a trace of its own", async () => {
  trace.disable();
  try {
    for (const [id, more] of [
      ["n-1", { openTelemetry }],
      ["n-2", {}],
    ] as const) {
      const typed = createClient({ url: server.url, apiKey: server.key, ...more });
      await typed.execute(below, {}, { id });
      expect((await derived(id)).spans[0]!.parentSpanId ?? "").toBe("");
    }
  } finally {
    trace.setGlobalTracerProvider(provider);
  }
});
