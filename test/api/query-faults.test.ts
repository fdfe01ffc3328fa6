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

/** The context of a query that sends its task with `send` and waits for its answer with `wait`. */
function contextWith(send: Ports["tasks"]["send"], wait: Ports["answers"]["wait"]): RequestContext {
  const { ports } = w;
  const tasks = overriding(ports.tasks, { send });
  const answers = overriding(ports.answers, { open: async () => {}, wait });
  return {
    ports: { ...ports, tasks, answers },
    options: { ...DEFAULT_OPTIONS, version: "1", url: "http://here" },
    workspace: w.workspace,
    user: "tester",
    room: { take: async () => {} },
    rights: ["admin"],
    key: "k",
    forgetKey: () => {},
    requestId: "r",
    signal: new AbortController().signal,
    log: ports.log,
  };
}
function overriding<T extends object>(of: T, own: Partial<T>): T {
  return Object.assign(Object.create(of) as T, own);
}

test("a query whose task cannot be sent fails at once, and the wait for its answer ends", async () => {
  const waitEnded = Promise.withResolvers<void>();
  const context = contextWith(
    async () => {
      throw new Error("the queue is unavailable");
    },
    (_workspace, _query, _until, signal) =>
      new Promise((resolve) => {
        signal?.addEventListener("abort", () => {
          waitEnded.resolve();
          resolve(null);
        });
      }),
  );
  await expect(queryExecution(context, "x", { name: "status", input: {} })).rejects.toThrow("the queue is unavailable");
  await waitEnded.promise;
});

test("a query whose answer cannot be read while its task is being sent fails without an unhandled rejection", async () => {
  const sent = Promise.withResolvers<void>();
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  const context = contextWith(
    () => sent.promise,
    async () => {
      throw new Error("the table is unavailable");
    },
  );
  const failing = expect(queryExecution(context, "x", { name: "status", input: {} })).rejects.toThrow(
    "the table is unavailable",
  );
  // Node reports unhandled rejections after the microtasks.
  await new Promise((resolve) => setImmediate(resolve));
  sent.resolve();
  await failing;
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});
