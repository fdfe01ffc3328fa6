/** Cancelling and terminating many executions in one call, over HTTP with the official client. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { failure, type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
});
afterAll(() => w.close());

const start = async (...ids: string[]) => {
  for (const executionId of ids)
    await w.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId },
    });
};
const statusOf = async (executionId: string) =>
  (await w.client.workflows.executions.getWorkflowExecution({ executionId })).status;
const cancel = (executionIds: string[]) =>
  w.client.workflows.executions.batchCancelWorkflowExecutions({ executionIds });
const terminate = (executionIds: string[]) =>
  w.client.workflows.executions.batchTerminateWorkflowExecutions({ executionIds });

test("each execution of a batch has its own outcome, and a refused one does not stop the rest", async () => {
  await start("a", "b", "c");
  await worker.complete("b");
  const { results } = await cancel(["a", "b", "nowhere", "c", "a", "not an id"]);
  expect(results).toEqual({
    a: { status: "success", error: null },
    b: { status: "failure", error: "Execution 'b' is not running: it is COMPLETED." },
    nowhere: { status: "failure", error: "There is no execution 'nowhere' in this workspace." },
    c: { status: "success", error: null },
    "not an id": { status: "failure", error: "There is no execution 'not an id' in this workspace." },
  });
  const claimed = await worker.claim("a");
  expect(claimed.messages.map((m) => m.kind)).toEqual(["cancel"]); // named twice, cancelled once
});

test("a batch of 100 terminates all of them, an id like __proto__ among them", async () => {
  const ids = ["__proto__", ...Array.from({ length: 99 }, (_, i) => `t-${i}`)];
  await start(...ids);
  const { body } = await w.ask("POST", "/v1/workflows/executions/terminate", { body: { execution_ids: ids } });
  expect(Object.entries(body.results as object)).toEqual(
    expect.arrayContaining(ids.map((id) => [id, { status: "success", error: null }])),
  );
  expect(await Promise.all(ids.map(statusOf))).toEqual(ids.map(() => "TERMINATED"));
  const again = await terminate([ids[1]!]);
  expect(again.results).toMatchObject({ "t-0": { status: "failure", error: expect.stringContaining("TERMINATED") } });
});

test("no id, more than 100, and a key that may only read are refused before anything is written", async () => {
  await start("kept");
  expect(await failure(cancel([]))).toMatchObject({ status: 422 });
  expect(await failure(terminate(Array.from({ length: 101 }, () => "kept")))).toMatchObject({ status: 422 });
  const reader = await w.newKey({ workspace: w.workspace, rights: ["read"] });
  const call = reader.client.workflows.executions.batchTerminateWorkflowExecutions({ executionIds: ["kept"] });
  expect(await failure(call)).toMatchObject({ status: 403 });
  expect(await statusOf("kept")).toBe("RUNNING");
});

test("executions of another workspace are not found", async () => {
  await start("mine");
  const other = await w.newKey();
  const { results } = await other.client.workflows.executions.batchTerminateWorkflowExecutions({
    executionIds: ["mine"],
  });
  expect(results).toMatchObject({ mine: { status: "failure", error: expect.stringContaining("no execution") } });
  expect(await statusOf("mine")).toBe("RUNNING");
});
