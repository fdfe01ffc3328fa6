/**
 * TIME-1 from outside: a worker's key sends hostile numbers in every place of every call that holds one. Whatever the server
 * accepts, everything that shows the execution, its deployment or its workspace is answered afterwards.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WORKER_ROUTES, type WorkerOperation } from "../../shared/protocol/worker.ts";
import type { Drive, ScriptedWorker } from "./support/scripted-worker.ts";
import { bodiesOf, type Path, replaced } from "./support/worker-bodies.ts";
import { type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [
    { name: "orders", execution_timeout: null, queries: [{ name: "q", input_schema: {} }] },
  ]);
});
afterAll(() => w.close());

let count = 0;
async function begin(): Promise<Drive> {
  const executionId = `e-${count++}`;
  await w.client.workflows.executeWorkflow({ workflowIdentifier: "orders", workflowExecutionRequest: { executionId } });
  return worker.claim(executionId);
}

const HOSTILE = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 8_640_000_000_000_001, 253_402_300_800_000, -1, 0];

function numbersIn(value: unknown, path: Path = []): Path[] {
  if (typeof value === "number") return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    numbersIn(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

async function checkViews({ execution, run }: { execution: string; run: string }, about: string): Promise<void> {
  const of = `/v1/workflows/executions/${execution}`;
  const paths = [
    ...["", "/history", "/history?limit=5", "/explain", "/trace/otel", "/trace/summary", "/trace/events", "/logs"].map(
      (p) => of + p,
    ),
    `/v1/workflows/runs/${run}`,
    ...[
      "events/list?limit=1000",
      "inputs",
      "runs",
      "failures",
      "orders/metrics",
      "deployments/shop/logs",
      "deployments/shop",
    ].map((p) => `/v1/workflows/${p}`),
  ];
  for (const path of paths) {
    const { status, body } = await w.ask("GET", path);
    expect(status, `${path} after ${about}: ${JSON.stringify(body)}`).toBe(200);
  }
  const executionId = execution;
  // The official client checks each answer.
  await w.client.workflows.events.getWorkflowEvents({ workflowExecId: execution });
  await w.client.workflows.executions.getWorkflowExecutionTraceEvents({ executionId });
  await w.client.workflows.executions.getWorkflowExecutionLogs({ executionId });
}

test.each(
  Object.keys(WORKER_ROUTES) as WorkerOperation[],
)("%s with hostile numbers harms no view", async (operation) => {
  const places = numbersIn(bodiesOf(await begin(), worker, w.clock.now())[operation]);
  for (const place of places) {
    for (const number of HOSTILE) {
      const drive = await begin();
      const about = `${operation} with ${number} at ${place.join(".")}`;
      const answer = await worker.raw(
        operation,
        replaced(bodiesOf(drive, worker, w.clock.now())[operation], place, number),
      );
      expect([200, 404, 422], `${about}: ${JSON.stringify(answer.body)}`).toContain(answer.status);
      await checkViews(drive.head, about);
    }
  }
  if (operation === "stop") await worker.register([{ name: "orders" }]);
}, 120_000);

test("a timer in the far past or future, and a question with one, are refused", async () => {
  for (const fire_at of HOSTILE.filter((at) => at !== 0)) {
    const drive = await begin();
    const attributes = { payload: { type: "json", value: { label: "?", input_schema: {} }, encoding_options: null } };
    const item = (events: Parameters<Drive["batch"]>[0]) => ({
      ...drive.position,
      batch: drive.batch(events),
      taken: [],
    });
    const question = {
      kind: "custom_task",
      event: "started",
      task: randomUUID(),
      task_type: "wait_for_input",
      attributes,
    } as const;
    const answer = await worker.raw("append", {
      items: [item([question, { kind: "timer_started", timer: 1, fire_at }])],
    });
    const refused = { results: [{ kind: "refused", status: 422 }] };
    if (answer.status === 200) expect(answer.body).toMatchObject(refused);
    else
      expect(answer).toMatchObject({
        status: 422,
        body: { detail: [{ loc: ["body", "items", 0, "batch", "events", 1, "fire_at"] }] },
      });
    await checkViews(drive.head, `a timer at ${fire_at}`);
  }
});
