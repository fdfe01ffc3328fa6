/** Queries while the store or the queue behind them fails. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { queryExecution } from "../../shared/api/queries.ts";
import { DEFAULT_OPTIONS, type RequestContext } from "../../shared/api/request-context.ts";
import type { Ports } from "../../shared/ports.ts";
import { type World, world } from "./support/world.ts";

let w: World;
beforeAll(async () => {
  w = await world();
  const definition = { name: "orders", queries: [{ name: "status", input_schema: { type: "object" } }] };
  const worker = await w.worker("shop", [definition]);
  await w.client.workflows.executeWorkflow({
    workflowIdentifier: "orders",
    workflowExecutionRequest: { executionId: "x" },
  });
  await (await worker.claim("x")).park();
});
afterAll(() => w.close());

/** A call whose task goes to `send`, and whose answer comes from `wait`. */
function callOver(send: Ports["tasks"]["send"], wait: Ports["answers"]["wait"]): RequestContext {
  const { ports } = w;
  const tasks = overriding(ports.tasks, { send });
  const answers = overriding(ports.answers, { wait });
  return {
    ports: { ...ports, tasks, answers },
    options: { ...DEFAULT_OPTIONS, version: "1", url: "http://here" },
    workspace: w.workspace,
    user: "tester",
    requestId: "r",
    signal: new AbortController().signal,
    log: ports.log,
  };
}
function overriding<T extends object>(of: T, own: Partial<T>): T {
  return Object.assign(Object.create(of) as T, own);
}

test("a query that cannot be asked fails at once, and nobody goes on looking for its answer", async () => {
  const left = Promise.withResolvers<void>();
  const call = callOver(
    async () => {
      throw new Error("the queue is away");
    },
    (_workspace, _query, _until, signal) =>
      new Promise((resolve) => {
        signal?.addEventListener("abort", () => {
          left.resolve();
          resolve(null);
        });
      }),
  );
  await expect(queryExecution(call, "x", { name: "status", input: {} })).rejects.toThrow("the queue is away");
  await left.promise;
});

test("a query whose answer cannot be read while it is still being asked fails, and the process lives on", async () => {
  const asked = Promise.withResolvers<void>();
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  const call = callOver(
    () => asked.promise,
    async () => {
      throw new Error("the table is away");
    },
  );
  const failing = expect(queryExecution(call, "x", { name: "status", input: {} })).rejects.toThrow("the table is away");
  // Node tells of rejections that nobody awaits once the microtasks are done.
  await new Promise((resolve) => setImmediate(resolve));
  asked.resolve();
  await failing;
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});
