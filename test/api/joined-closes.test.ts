/** Closes in a call of `append` (JOIN-1): each has its own outcome, as if it were alone, and none touches the others. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ports } from "../../shared/ports.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import type { WorkerBody } from "../../shared/protocol/worker.ts";
import type { Drive, ScriptedWorker } from "./support/scripted-worker.ts";
import { awsWorld, type World, world } from "./support/world.ts";

const timer: NewEvent = { kind: "timer_started", timer: 1, fire_at: 1_900_000_000_000 };
const ended: NewEvent = { kind: "execution_completed", result: null };
type CloseItem = NonNullable<WorkerBody<"append">["closes"]>[number];

const appendOf = (drive: Drive, event: NewEvent = timer) => ({
  ...drive.position,
  batch: drive.batch([event]),
  taken: [],
});
const closeOf = (drive: Drive, more: Partial<CloseItem> = {}): CloseItem => ({
  ...appendOf(drive, ended),
  failure: null,
  outbox: [],
  carried: [],
  ...more,
});

describe.each<[string, () => Promise<World<Ports>>]>([
  ["the embedded engine", world],
  ["the AWS adapter", awsWorld],
])("on %s", (_, create) => {
  let w: World<Ports>;
  let worker: ScriptedWorker;
  beforeAll(async () => {
    w = await create();
    worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
  });
  afterAll(() => w.close());

  async function started(): Promise<Drive> {
    const executionId = `joined-${randomUUID()}`;
    await w.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId },
    });
    return worker.claim(executionId);
  }
  const statusOf = async ({ head }: Drive) =>
    (await w.ports.executions.head({ workspace: w.workspace, execution: head.execution }))?.status;

  test("a registration says that closes may come so", async () => {
    expect(await worker.register([{ name: "orders", execution_timeout: null }])).toMatchObject({ joins_closes: true });
  });

  test("closed, conflict, fenced and refused are told item by item, and appends beside them are written", async () => {
    const [appended, closed, overtaken, taken, refused, malformed] = await Promise.all(
      Array.from({ length: 6 }, started),
    );
    await worker.claim(overtaken!.head.execution);
    expect(await taken!.tryAppend([timer])).toMatchObject({ kind: "appended" });
    taken!.tail -= 1;
    const foreign = { kind: "cancel_child", execution: "x", parent_run: randomUUID(), child: 1 } as const;
    const { results, closed: answers } = await worker.call("append", {
      items: [appendOf(appended!)],
      closes: [
        closeOf(refused!, { outbox: [foreign] }),
        closeOf(closed!),
        closeOf(overtaken!),
        closeOf(taken!),
        closeOf(malformed!, { batch: malformed!.batch([timer]) }),
      ],
    });
    expect(results).toMatchObject([{ kind: "appended" }]);
    expect(answers).toEqual([
      { kind: "refused", status: 422, code: "WF_1001", detail: expect.stringContaining("'cancel_child'") },
      { kind: "closed" },
      { kind: "fenced" },
      { kind: "conflict" },
      { kind: "refused", status: 422, code: "WF_1001", detail: expect.stringContaining("last event of a close") },
    ]);
    expect(await statusOf(closed!)).toBe("COMPLETED");
    for (const drive of [appended, overtaken, taken, refused, malformed])
      expect(await statusOf(drive!)).toBe("RUNNING");
  });

  test("a repeated call, whose answer was lost, finds its closes done", async () => {
    const closes = [closeOf(await started()), closeOf(await started())];
    const body = { items: [appendOf(await started())], closes };
    const once = await worker.call("append", body);
    expect(once).toMatchObject({ results: [{ kind: "appended" }], closed: [{ kind: "closed" }, { kind: "closed" }] });
    const { now: _, ...outcome } = once;
    expect(await worker.call("append", body)).toMatchObject(outcome);
  });

  test("an append and the close of one run in one call are written in this order", async () => {
    const drive = await started();
    const append = appendOf(drive);
    drive.tail += 1;
    const answer = await worker.call("append", { items: [append], closes: [closeOf(drive)] });
    expect(answer).toMatchObject({ results: [{ kind: "appended" }], closed: [{ kind: "closed" }] });
    expect(await statusOf(drive)).toBe("COMPLETED");
  });

  test("a call without closes has no answer about them", async () => {
    expect(await worker.call("append", { items: [appendOf(await started())] })).not.toHaveProperty("closed");
  });
});

test("the tasks of the runs that close are finished, and no others", async () => {
  const w = await world();
  const worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
  const executions = Array.from({ length: 3 }, () => `joined-${randomUUID()}`);
  for (const executionId of executions)
    await w.client.workflows.executeWorkflow({
      workflowIdentifier: "orders",
      workflowExecutionRequest: { executionId },
    });
  const deliveries = await worker.poll();
  const receiptOf = (execution: string) => deliveries.find(({ task }) => task.execution === execution)!.receipt;
  const drives = await Promise.all(executions.map((execution) => worker.claim(execution)));
  await worker.claim(executions[2]!); // overtakes
  const closes = drives.map((drive) => closeOf(drive, { finish: [receiptOf(drive.head.execution)] }));
  const { closed } = await worker.call("append", { items: [], closes });
  expect(closed!.map(({ kind }) => kind)).toEqual(["closed", "closed", "fenced"]);
  const receipts = executions.map(receiptOf);
  expect(await worker.call("extend", { receipts, lease_ms: 30_000 })).toEqual({ lost: receipts.slice(0, 2) });
  await w.close();
});
