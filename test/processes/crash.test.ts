/** Kills workers and servers with SIGKILL at named points: no acknowledged write is lost, no event is recorded twice. */
import { describe, expect, test } from "vitest";
import { Installation, KEY, until } from "./installation.ts";

const STEPS = 6;

async function start(on: Installation, id: string, ms = 0): Promise<void> {
  // After a lost answer the execution may or may not have started; with the same id the call can be repeated.
  await until(`start of ${id}`, async () => {
    try {
      await on.client.workflows.executeWorkflow({
        workflowIdentifier: "walk",
        workflowExecutionRequest: { executionId: id, input: { steps: STEPS, ms } },
      });
      return true;
    } catch (error) {
      if (String(error).includes("WF_1101")) return true;
      throw error;
    }
  });
}

const signal = (on: Installation, id: string) =>
  until(`signal to ${id}`, () =>
    on.client.workflows.executions.signalWorkflowExecution({
      executionId: id,
      signalInvocationBody: { name: "go", input: {} },
    }),
  );

async function finished(on: Installation, id: string): Promise<void> {
  const run = await until(`end of ${id}`, async () => {
    const found = await on.client.workflows.executions.getWorkflowExecution({ executionId: id });
    return found.status === "RUNNING" ? undefined : found;
  });
  expect(run.status).toBe("COMPLETED");
  expect(run.result).toEqual({ steps: STEPS, signalled: true });
  const history = (await on.client.workflows.executions.getWorkflowExecutionHistory({ executionId: id })) as {
    events: { id: number; kind: string; activity?: number }[];
  };
  expect(history.events.map((e) => e.id)).toEqual(history.events.map((_, i) => i + 1));
  const count = (kind: string) => history.events.filter((e) => e.kind === kind).map((e) => e.activity);
  const all = Array.from({ length: STEPS + 1 }, (_, i) => i + 1);
  expect(count("activity_scheduled")).toEqual(all);
  expect(count("activity_completed")).toEqual(all);
  expect(count("signal_received").length).toBeGreaterThanOrEqual(1);
  expect(count("execution_completed")).toHaveLength(1);
  // SHIP-3: a step that another worker repeats logs once. What a killed worker had not sent is lost.
  const { results } = await on.client.workflows.executions.getWorkflowExecutionLogs({ executionId: id });
  const stepped = results.map(({ body }) => body).filter((body) => body.startsWith("stepped"));
  expect(stepped).toEqual([...new Set(stepped)]);
  // Each activity was executed at least once, and every attempt of it had the same idempotency key.
  const entries = on.entries();
  for (const n of [...Array(STEPS + 1).keys()]) {
    const keys = new Set(entries.filter((e) => e.n === n).map((e) => e.key));
    expect(keys.size, `step ${n}`).toBe(1);
  }
}

describe("a killed worker", () => {
  const points: [string, string, number][] = [
    ["before a claim", "claim:before", 1],
    ["after a claim", "claim:after", 1],
    ["after an append, before the activity runs", "append:after", 3],
    ["after an activity, before its result is appended", "append:before", 3],
    ["before a park", "park:before", 1],
    ["after a park, before the task is deleted", "park:after", 1],
    ["before the task is deleted", "finish:before", 1],
    ["before the close of the run", "close:before", 1],
    ["after the close of the run", "close:after", 1],
  ];
  test.concurrent.each(points)("%s: another worker takes over", async (_title, die, after) => {
    using on = new Installation();
    await on.server();
    const victim = await on.worker("victim", { die, after });
    await start(on, "x");
    if (die.startsWith("close")) await signal(on, "x");
    await victim.ended;
    await on.worker("successor");
    if (!die.startsWith("close")) await signal(on, "x");
    await finished(on, "x");
  });

  test.concurrent("in the middle of an activity: the activity is attempted again under the same key", async () => {
    using on = new Installation();
    await on.server();
    const victim = await on.worker("victim");
    await start(on, "x", 400);
    await until("third step", async () => (on.entries().length >= 3 ? true : undefined));
    victim.child.kill("SIGKILL");
    await victim.ended;
    await on.worker("successor");
    await signal(on, "x");
    await finished(on, "x");
    expect(on.entries().some((e) => e.by === "successor" && e.attempt === 2)).toBe(true);
  });

  test.concurrent("that hangs loses its execution to another worker, and its later calls change nothing", async () => {
    using on = new Installation();
    await on.server();
    const victim = await on.worker("victim");
    await start(on, "x", 400);
    await until("third step", async () => (on.entries().length >= 3 ? true : undefined));
    victim.child.kill("SIGSTOP");
    await on.worker("successor");
    await until("takeover", async () => (on.entries().some((e) => e.by === "successor") ? true : undefined));
    victim.child.kill("SIGCONT");
    await signal(on, "x");
    await finished(on, "x");
  });
});

describe("a server killed between a commit and its answer", () => {
  test.concurrent.each([
    ["start", 1],
    ["claim", 1],
    ["append", 3],
    ["park", 1],
    ["send", 1],
    ["close", 1],
  ] as const)("%s: the caller repeats the call, and it takes effect once", async (die, after) => {
    using on = new Installation();
    const server = await on.server({ die, after });
    await on.worker("steady");
    const again = server.ended.then(() => on.server());
    await start(on, "x");
    await signal(on, "x");
    await finished(on, "x");
    await again;
    expect(server.child.signalCode).toBe("SIGKILL");
  });

  test.concurrent("a start without an id, which its caller cannot repeat: the run goes on, and is the only one", async () => {
    using on = new Installation();
    const server = await on.server({ die: "start", after: 1 });
    await on.worker("steady");
    const again = server.ended.then(() => on.server());
    await until("the end of the server", async () => {
      const workflowExecutionRequest = { input: { steps: STEPS, ms: 0 } };
      const started = on.client.workflows.executeWorkflow({ workflowIdentifier: "walk", workflowExecutionRequest });
      await started.catch(() => {}); // before the worker has registered, and by the death of the server
      return server.child.signalCode ?? undefined;
    });
    await again;
    expect(server.child.signalCode).toBe("SIGKILL");
    const answer = await fetch(`${on.url}/v1/workflows/runs`, { headers: { authorization: `Bearer ${KEY}` } });
    const { executions } = (await answer.json()) as { executions: { execution_id: string }[] };
    expect(executions).toHaveLength(1);
    await signal(on, executions[0]!.execution_id);
    await finished(on, executions[0]!.execution_id);
  });

  // The activities of the lost run would have other idempotency keys, which `finished` would find.
  test.concurrent("or before the commit of a start of which a worker has the first task: the run never was", async () => {
    using on = new Installation();
    const server = await on.server({ die: "early", after: 1 });
    await on.worker("steady");
    await new Promise((ok) => setTimeout(ok, 500)); // its poll waits
    const again = server.ended.then(() => on.server());
    await start(on, "x");
    await again;
    expect(server.child.signalCode).toBe("SIGKILL");
    await signal(on, "x");
    await finished(on, "x");
    const answer = await fetch(`${on.url}/v1/workflows/runs`, { headers: { authorization: `Bearer ${KEY}` } });
    expect(((await answer.json()) as { executions: unknown[] }).executions).toHaveLength(1);
  });

  test.concurrent("or before the commit of a signal that a worker has: the worker claims again, and the signal is sent again", async () => {
    using on = new Installation();
    const server = await on.server({ die: "early", after: 2 });
    await on.worker("steady");
    await new Promise((ok) => setTimeout(ok, 500)); // its poll waits
    const again = server.ended.then(() => on.server());
    await start(on, "x");
    await until("the steps", async () => (on.entries().length === STEPS ? true : undefined));
    await new Promise((ok) => setTimeout(ok, 800)); // it waits for the signal, and is parked
    const sent = on.client.workflows.executions.signalWorkflowExecution({
      executionId: "x",
      signalInvocationBody: { name: "go", input: {} },
    });
    await expect(sent).rejects.toThrow();
    await again;
    expect(server.child.signalCode).toBe("SIGKILL");
    await until("a refused batch", async () => on.entries().some(({ key }) => key === "lost claim") || undefined);
    await signal(on, "x");
    await finished(on, "x");
  });
});
