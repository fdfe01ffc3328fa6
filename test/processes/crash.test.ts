/** Real workers and servers, killed with SIGKILL at named points: nothing acknowledged is lost, nothing recorded twice. */
import { describe, expect, test } from "vitest";
import { Installation, until } from "./installation.ts";

const STEPS = 6;

async function start(on: Installation, id: string, ms = 0): Promise<void> {
  // A lost answer leaves it open whether it began: the id makes asking again safe.
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
  // At least once, under one key each.
  const book = on.entries();
  for (const n of [...Array(STEPS + 1).keys()]) {
    const keys = new Set(book.filter((e) => e.n === n).map((e) => e.key));
    expect(keys.size, `step ${n}`).toBe(1);
  }
}

describe("a worker killed", () => {
  const points: [string, string, number][] = [
    ["while claiming, before the call", "claim:before", 1],
    ["while claiming, after the answer", "claim:after", 1],
    ["after an append, before its effect", "append:after", 3],
    ["after an effect, before it is appended", "append:before", 3],
    ["while parking, before the call", "park:before", 1],
    ["after parking, before the task is deleted", "park:after", 1],
    ["before the task is deleted", "finish:before", 1],
    ["before it closes the run", "close:before", 1],
    ["after it closed the run", "close:after", 1],
  ];
  test.concurrent.each(points)("%s: another takes over", async (_title, die, after) => {
    using on = new Installation();
    await on.server();
    const victim = await on.worker("victim", { die, after });
    await start(on, "x");
    if (die.startsWith("close")) await signal(on, "x");
    await victim.ended;
    await on.worker("heir");
    if (!die.startsWith("close")) await signal(on, "x");
    await finished(on, "x");
  });

  test.concurrent("in the middle of an activity: the attempt is repeated under the same key", async () => {
    using on = new Installation();
    await on.server();
    const victim = await on.worker("victim");
    await start(on, "x", 400);
    await until("third step", async () => (on.entries().length >= 3 ? true : undefined));
    victim.child.kill("SIGKILL");
    await victim.ended;
    await on.worker("heir");
    await signal(on, "x");
    await finished(on, "x");
    expect(on.entries().some((e) => e.by === "heir" && e.attempt === 2)).toBe(true);
  });

  test.concurrent("that only hangs loses its work to another, and what it says afterwards changes nothing", async () => {
    using on = new Installation();
    await on.server();
    const victim = await on.worker("victim");
    await start(on, "x", 400);
    await until("third step", async () => (on.entries().length >= 3 ? true : undefined));
    victim.child.kill("SIGSTOP");
    await on.worker("heir");
    await until("takeover", async () => (on.entries().some((e) => e.by === "heir") ? true : undefined));
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
  ] as const)("%s: the same call is repeated and has happened once", async (die, after) => {
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
});
