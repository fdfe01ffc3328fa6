import { trace } from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterAll, expect, test } from "vitest";
import { workerSpans } from "./open-telemetry.ts";

afterAll(() => trace.disable());

test("a worker has spans to make while an SDK is configured, also one that came later", async () => {
  const spans = (await workerSpans())!;
  expect(spans.active).toBe(false);
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  expect(spans.active).toBe(true);
  spans.begin({ trace: { root_chain: "c" }, run: "r", name: "orders", attributes: {} }).end();
  expect(exporter.getFinishedSpans().map((span) => span.name)).toEqual(["orders"]);
  trace.disable();
  expect(spans.active).toBe(false);
});
