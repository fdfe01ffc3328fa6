import { expect, test } from "vitest";
import type { QueueRef } from "../../shared/ports.ts";
import type { Delivery, Task } from "../../shared/protocol/worker.ts";
import { uuid, workflowTask } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const tasksContract: Contract = (of) => {
  const queue = (over: Partial<QueueRef> = {}): QueueRef => ({
    workspace: uuid(),
    deployment: `d-${uuid()}`,
    queue: "workflow",
    ...over,
  });
  const take = (q: QueueRef, max = 10, session = "s") => of().ports.tasks.receive(q, { session, max, waitMs: 0 });
  const sent = async (q: QueueRef, ...executions: string[]) => {
    for (const x of executions) await of().ports.tasks.send(q, workflowTask(x));
  };
  const executions = (deliveries: readonly Delivery[]) => deliveries.map((d) => d.task.execution);
  /** Receives until there are `n` deliveries. */
  const gather = async (q: QueueRef, n: number, max = 10) => {
    const all: Delivery[] = [];
    await of().eventually(async () => {
      all.push(...(await take(q, max)));
      expect(all.length).toBeGreaterThanOrEqual(n);
    });
    return all;
  };
  const lease = () => of().ports.settings.leaseMs;

  test("an empty queue gives nothing", async () => {
    expect(await take(queue())).toEqual([]);
  });

  test("a sent task is delivered whole, with a receipt, as the first delivery", async () => {
    const q = queue({ queue: "activity" });
    const task: Task = {
      kind: "activity",
      execution: "x",
      workflow: "w",
      run: uuid(),
      chain: uuid(),
      activity: 1,
      name: "charge",
      input: { deep: [1, { ü: null }] },
      scheduled_at: of().now(),
      options: {
        start_to_close_ms: 5,
        retry: { max_attempts: 0, first_ms: 1, factor: 2, max_ms: 9, non_retryable: ["T"] },
      },
      first_attempt: 1,
    };
    await of().ports.tasks.send(q, task);
    const [delivery] = await gather(q, 1);
    expect(delivery!.task).toEqual(task);
    expect(delivery!.attempt).toBe(1);
    expect(delivery!.receipt).not.toBe("");
  });

  test("each workspace, deployment and kind has a queue of its own", async () => {
    const q = queue();
    await sent(q, "x");
    for (const other of [{ workspace: uuid() }, { deployment: "other" }, { queue: "activity" as const }]) {
      expect(await take({ ...q, ...other })).toEqual([]);
    }
    expect(executions(await gather(q, 1))).toEqual(["x"]);
  });

  test("at most `max` tasks are delivered at a time, and each once while leased", async () => {
    const q = queue();
    await sent(q, "a", "b", "c");
    expect((await take(q, 2)).length).toBeLessThanOrEqual(2);
    const rest = await gather(q, 1, 2);
    expect(rest.length).toBeLessThanOrEqual(2);
  });

  test("a finished task is not delivered again", async () => {
    const q = queue();
    await sent(q, "x");
    const [d] = await gather(q, 1);
    await of().ports.tasks.finish(q.workspace, [d!.receipt]);
    await of().ports.tasks.finish(q.workspace, [d!.receipt, "never-was"]);
    await of().pass(lease() + 500);
    expect(await take(q)).toEqual([]);
  });

  test("a task whose lease has passed is delivered again, and its deliveries are counted", async () => {
    const q = queue();
    await sent(q, "x");
    const [one] = await gather(q, 1);
    expect(await take(q)).toEqual([]);
    await of().pass(lease() + 500);
    const [two] = await gather(q, 1);
    expect(two).toMatchObject({ task: workflowTask("x"), attempt: 2 });
    expect(two!.receipt).not.toBe(one!.receipt);
  });

  test("a lease that is extended in time lasts", async () => {
    const q = queue();
    await sent(q, "x");
    const [d] = await gather(q, 1);
    for (let i = 0; i < 4; i++) {
      await of().pass(lease() / 2);
      expect(await of().ports.tasks.extend(q.workspace, [d!.receipt], lease())).toEqual([]);
      expect(await take(q)).toEqual([]);
    }
  });

  test("a task given back is visible at once, or after the time it was given back for", async () => {
    const q = queue();
    await sent(q, "x");
    const [one] = await gather(q, 1);
    await of().ports.tasks.extend(q.workspace, [one!.receipt], 0);
    const [two] = await gather(q, 1);
    expect(two!.attempt).toBe(2);
    await of().ports.tasks.extend(q.workspace, [two!.receipt], 2_000);
    expect(await take(q)).toEqual([]);
    await of().pass(2_500);
    expect((await gather(q, 1))[0]!.attempt).toBe(3);
  });

  test("a receipt whose task another worker has is reported lost, and finishing it deletes nothing", async () => {
    const q = queue();
    await sent(q, "x");
    const [one] = await gather(q, 1);
    await of().pass(lease() + 500);
    const [two] = await gather(q, 1);
    expect(await of().ports.tasks.extend(q.workspace, [one!.receipt], lease())).toEqual([one!.receipt]);
    await of().ports.tasks.finish(q.workspace, [one!.receipt]);
    await of().pass(lease() + 500);
    expect((await gather(q, 1))[0]).toMatchObject({ task: workflowTask("x") });
    expect(two!.receipt).not.toBe(one!.receipt);
  });

  test("receipts of finished tasks and unknown receipts are reported lost; the others last", async () => {
    const q = queue();
    await sent(q, "x", "y");
    const [x, y] = await gather(q, 2);
    await of().ports.tasks.finish(q.workspace, [x!.receipt]);
    expect(new Set(await of().ports.tasks.extend(q.workspace, [x!.receipt, y!.receipt, "never-was"], lease()))).toEqual(
      new Set([x!.receipt, "never-was"]),
    );
  });

  test("another workspace can neither extend nor finish a lease", async () => {
    const q = queue();
    await sent(q, "x");
    const [d] = await gather(q, 1);
    expect(await of().ports.tasks.extend(uuid(), [d!.receipt], 0)).toEqual([d!.receipt]);
    await of().ports.tasks.finish(uuid(), [d!.receipt]);
    expect(await take(q)).toEqual([]);
    await of().pass(lease() + 500);
    expect(executions(await gather(q, 1))).toEqual(["x"]);
  });

  test("a delayed task is not delivered before its time", async () => {
    const q = queue();
    await of().ports.tasks.send(q, workflowTask("later"), { at: of().now() + 3_000 });
    expect(await take(q)).toEqual([]);
    await of().pass(1_500);
    expect(await take(q)).toEqual([]);
    await of().pass(2_000);
    expect(executions(await gather(q, 1))).toEqual(["later"]);
  });

  test("a task with a time in the past is visible now", async () => {
    const q = queue();
    await of().ports.tasks.send(q, workflowTask("x"), { at: of().now() - 60_000 });
    expect(executions(await gather(q, 1))).toEqual(["x"]);
  });

  test("a task sent several times under a key is delivered at least once", async () => {
    const q = queue();
    for (let i = 0; i < 3; i++) await of().ports.tasks.send(q, workflowTask("x"), { key: "k" });
    expect(new Set(executions(await gather(q, 1)))).toEqual(new Set(["x"]));
  });

  test("a task is visible now although a task of the same key waits for later", async () => {
    const q = queue();
    await of().ports.tasks.send(q, workflowTask("x"), { key: "k", at: of().now() + 600_000 });
    await of().ports.tasks.send(q, workflowTask("x"), { key: "k" });
    expect(executions(await gather(q, 1))).toContain("x");
  });

  test("a task is delivered although a task of the same key is in flight", async () => {
    const q = queue();
    await of().ports.tasks.send(q, workflowTask("x"), { key: "k" });
    const [one] = await gather(q, 1);
    await of().ports.tasks.send(q, workflowTask("x"), { key: "k" });
    expect(executions(await gather(q, 1))).toContain("x"); // although the first is still leased
    await of().ports.tasks.finish(q.workspace, [one!.receipt]);
  });

  test("tasks of different keys do not join", async () => {
    const q = queue();
    await of().ports.tasks.send(q, workflowTask("x"), { key: "one" });
    await of().ports.tasks.send(q, workflowTask("y"), { key: "two" });
    await of().ports.tasks.send(q, workflowTask("z"));
    expect(new Set(executions(await gather(q, 3)))).toEqual(new Set(["x", "y", "z"]));
  });

  test("a preferred session that does not poll does not keep the task from others", async () => {
    const q = queue();
    await of().ports.tasks.send(q, workflowTask("x"), { prefer: "gone" });
    expect(executions(await gather(q, 1))).toEqual(["x"]);
  });

  test("a send wakes a waiting receiver", async () => {
    const q = queue();
    const waiting = of().ports.tasks.receive(q, { session: "s", max: 1, waitMs: 20_000 });
    await sent(q, "x");
    await of().pass(10);
    expect(executions(await waiting)).toEqual(["x"]);
  });

  test("a delayed task wakes a waiting receiver when it becomes visible", async () => {
    const q = queue();
    await of().ports.tasks.send(q, workflowTask("x"), { at: of().now() + 1_000 });
    const waiting = of().ports.tasks.receive(q, { session: "s", max: 1, waitMs: 20_000 });
    await of().pass(2_000);
    expect(executions(await waiting)).toEqual(["x"]);
  });

  test("a wait ends without tasks when its time is up, or at once when it is aborted", async () => {
    const q = queue();
    const waiting = of().ports.tasks.receive(q, { session: "s", max: 1, waitMs: 1_000 });
    await of().pass(1_500);
    expect(await waiting).toEqual([]);
    const off = new AbortController();
    const aborted = of().ports.tasks.receive(q, { session: "s", max: 1, waitMs: 20_000, signal: off.signal });
    off.abort();
    expect(await aborted).toEqual([]);
    await sent(q, "x");
    expect(executions(await gather(q, 1))).toEqual(["x"]); // the aborted receiver has not taken it
  });

  test("many tasks reach several waiting receivers, and none is lost", async () => {
    const q = queue();
    const names = Array.from({ length: 25 }, (_, i) => `x${i}`);
    const seen = new Set<string>();
    const waiters = ["s1", "s2", "s3"].map((session) =>
      of().ports.tasks.receive(q, { session, max: 10, waitMs: 20_000 }),
    );
    await sent(q, ...names);
    await of().pass(10);
    for (const w of waiters) for (const x of executions(await w)) seen.add(x);
    await of().eventually(async () => {
      for (const x of executions(await take(q))) seen.add(x);
      expect(seen.size).toBe(names.length);
    });
  });
};
