/** A hold outlives the server that took it: the server is killed with SIGKILL, and the next one hands nothing out before the release. */
import { afterEach, expect, test } from "vitest";
import { Installation, KEY, until } from "./installation.ts";

let on: Installation;
afterEach(() => on[Symbol.dispose]());

const post = async (path: string, body: object) => {
  const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
  const answer = await fetch(`${on.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const get = async <T>(path: string) =>
  (await (await fetch(`${on.url}${path}`, { headers: { authorization: `Bearer ${KEY}` } })).json()) as T;
const holds = async () =>
  (await get<{ holds: { deployment_name: string; reason: string | null }[] }>("/v1/holds")).holds;
const waitsFor = async (execution: string) =>
  (await get<{ waits: { kind: string }[] }>(`/v1/workflows/executions/${execution}/explain`)).waits.map(
    ({ kind }) => kind,
  );
const start = (executionId: string) =>
  on.client.workflows.executeWorkflow({
    workflowIdentifier: "walk",
    workflowExecutionRequest: { executionId, input: { steps: 2, ms: 0 } },
  });
const signal = (executionId: string) =>
  on.client.workflows.executions.signalWorkflowExecution({
    executionId,
    signalInvocationBody: { name: "go", input: {} },
  });

test("a server that was killed under a hold keeps it, takes starts and messages in, and hands out after the release", async () => {
  on = new Installation();
  const first = await on.server();
  const worker = await on.worker("one");
  expect((await post("/v1/holds", { deployment_name: "crash", reason: "bank is down" })).status).toBe(200);
  await start("before");
  first.child.kill("SIGKILL"); // right after the answer: what was answered is on the disk
  await first.ended;
  await on.server();
  expect(await holds()).toMatchObject([{ deployment_name: "crash", reason: "bank is down" }]);
  await until("a worker that is known again", () => start("after"));
  await signal("before");
  await signal("after");
  // The killed worker's place is taken by one that knows nothing of the hold.
  worker.child.kill("SIGKILL");
  await on.worker("two");
  for (const executionId of ["before", "after"]) expect(await waitsFor(executionId)).toContain("on_hold");
  expect(on.entries()).toEqual([]);
  expect((await post("/v1/holds/release", { deployment_name: "crash" })).status).toBe(200);
  for (const executionId of ["before", "after"]) {
    await until(
      `end of ${executionId}`,
      async () => {
        const { status } = await on.client.workflows.executions.getWorkflowExecution({ executionId });
        return status === "COMPLETED" || undefined;
      },
      60_000,
    );
  }
  await until("end of the release", async () => (await holds()).length === 0 || undefined, 60_000);
}, 150_000);
