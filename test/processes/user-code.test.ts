/** Code of users that blocks the event loop, or holds the process, in a worker that was started as users start it. */
import { describe, expect, test } from "vitest";
import { Installation, until } from "./installation.ts";

const start = (on: Installation, workflow: string, id: string, input: object = {}) =>
  on.client.workflows.executeWorkflow({
    workflowIdentifier: workflow,
    workflowExecutionRequest: { executionId: id, input },
  });

const history = async (on: Installation, id: string) => {
  const answer = await on.client.workflows.executions.getWorkflowExecutionHistory({ executionId: id });
  return (answer as { events: { kind: string; failure?: { type: string; message: string; stack: string } }[] }).events;
};

const completed = (on: Installation, id: string) =>
  until(`end of ${id}`, async () => {
    const { status } = await on.client.workflows.executions.getWorkflowExecution({ executionId: id });
    return status === "COMPLETED" ? true : undefined;
  });

describe("workflow code that never comes to rest", () => {
  test.concurrent.each([
    "sync",
    "microtasks",
    "ticks",
    "caught",
    "regex",
  ])("%s: is recorded as a bug with its line, quarantined, and its process starts again for the others", async (by) => {
    using on = new Installation();
    await on.server();
    const worker = await on.userWorker();
    await start(on, "blocks", "x", { by });
    await worker.logged("does not return");
    await worker.logged("serves", 2);
    await start(on, "quick", "y");
    await completed(on, "y");
    const failures = (await history(on, "x")).filter(({ kind }) => kind === "workflow_task_failed");
    expect(failures).toMatchObject([
      { failure: { type: "BlockedLoopError", message: expect.stringContaining('workflow "blocks" ran for') } },
    ]);
    expect(failures[0]!.failure!.stack).toContain("user-worker.ts:");
    expect(worker.child.exitCode, "the same process").toBe(null);
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toBe(0);
  }, 150_000);

  test.concurrent("in a query handler is found as well", async () => {
    using on = new Installation();
    await on.server();
    const worker = await on.userWorker();
    await start(on, "blocks_in_query", "x");
    const asked = on.client.workflows.executions
      .queryWorkflowExecution({ executionId: "x", queryInvocationBody: { name: "ask" } })
      .catch((error) => error);
    await worker.logged("workflow 'blocks_in_query' does not return");
    await worker.logged("serves", 2);
    await start(on, "quick", "y");
    await completed(on, "y");
    await asked;
  }, 150_000);

  test.concurrent("does not keep SIGTERM from ending the process", async () => {
    using on = new Installation();
    await on.server();
    const worker = await on.userWorker();
    await start(on, "blocks", "x", { by: "sync" });
    await worker.logged("has blocked the event loop");
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toBe("SIGTERM");
  }, 150_000);
});

test.concurrent("workflow code that uses up the memory of its process is set aside after it has ended at most four workers, and the others go on", async () => {
  using on = new Installation();
  await on.server();
  const userWorker = () => on.userWorker({ NODE_OPTIONS: "--max-old-space-size=80" });
  const failures = async () => (await history(on, "x")).filter(({ kind }) => kind === "workflow_task_failed");
  let last = await userWorker();
  await start(on, "blocks", "x", { by: "memory" });
  // A process that is slow to die may lose its lease and be given the execution again: that counts as one more.
  for (let deaths = 0; ; deaths++) {
    const { ended: dies, logged } = last;
    const setAside = logged("the execution waits for repaired code").then(
      () => "set aside",
      () => dies,
    );
    const ended = await Promise.race([dies, setAside]);
    if (ended === "set aside") break;
    expect(ended).toBe("SIGABRT");
    expect(deaths).toBeLessThan(4);
    last = await userWorker();
  }
  await start(on, "quick", "y");
  await completed(on, "y");
  expect(await failures()).toMatchObject([{ failure: { type: "WorkerDied" } }]);
  last.child.kill("SIGTERM");
  expect(await last.ended).toBe(0);
}, 240_000);

test.concurrent.each([
  "spins",
  "native",
])("an activity that blocks the event loop (%s) is named in the log", async (name) => {
  using on = new Installation();
  await on.server();
  const worker = await on.userWorker();
  await start(on, "calls", "x", { name });
  const line = await worker.logged(`activity '${name}' blocked the event loop of this worker for`);
  expect(line).toMatchObject({ level: "warn", execution: "x", stack: expect.stringContaining("user-worker.ts") });
  await completed(on, "x");
  worker.child.kill("SIGTERM");
  expect(await worker.ended).toBe(0);
}, 150_000);

describe("a drained worker ends", () => {
  test.concurrent("although an abandoned attempt holds the event loop", async () => {
    using on = new Installation();
    await on.server();
    const worker = await on.userWorker();
    await start(on, "calls", "x", { name: "hangs" });
    await until("the attempt", async () => ((await history(on, "x")).length > 1 ? true : undefined));
    worker.child.kill("SIGTERM");
    await worker.logged("1 activities go on elsewhere");
    expect(await worker.ended).toBe(0);
  }, 150_000);

  test.concurrent("although a finished activity left a timer", async () => {
    using on = new Installation();
    await on.server();
    const worker = await on.userWorker();
    await start(on, "calls", "x", { name: "idle" });
    await completed(on, "x");
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toBe(0);
  }, 150_000);
});

test.concurrent("errors of code that belongs to no execution are logged, and the worker goes on", async () => {
  using on = new Installation();
  await on.server();
  const worker = await on.userWorker({ STRAY: "1" });
  await worker.logged("an error was not caught in code that belongs to no execution");
  await worker.logged("a promise was rejected and not awaited in code that belongs to no execution");
  await start(on, "quick", "x");
  await completed(on, "x");
  worker.child.kill("SIGTERM");
  expect(await worker.ended).toBe(0);
}, 150_000);
