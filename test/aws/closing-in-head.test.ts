/** Runs that close in one write of their head (LOG-6): what closes so, what does not, and who finds the closing batch there. */
import { QueryCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deleteExecution } from "../../shared/engine/delete.ts";
import { send } from "../../shared/engine/send.ts";
import type { Ref } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { batchOf, completed, finalOf, headOf, LIMIT, newRef, scheduled, signal, uuid } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

let on: Installation;
let ports: Aws;

async function claimedRun(over: Partial<Head> = {}): Promise<Head> {
  const ref = newRef();
  const deadline = ports.clock.now() + 3_600_000;
  await ports.executions.create(headOf(ref, ports.clock.now(), { run: ports.uuid(), deadline, ...over }), []);
  return claimAgain(ref);
}
const claimAgain = async (ref: Ref): Promise<Head> =>
  (await ports.executions.claim(ref, { dueAt: ports.clock.now() + 120_000, session: uuid() }))!;
const step = (head: Head, first: number) =>
  ports.executions.putBatch(head, head.run, batchOf(first, ports.clock.now(), [scheduled(first)]), LIMIT);
function close(head: Head, first: number, o: { event?: NewEvent; over?: Partial<Head>; by?: Aws } = {}) {
  const { event = completed, over = {}, by = ports } = o;
  const next = finalOf(head, ports.clock.now(), over);
  return by.executions.close(head, {
    run: head.run,
    fence: head.fence,
    batch: batchOf(first, ports.clock.now(), [event]),
    next,
  });
}
/** The first events of the batches that are items of their own. */
async function itemsOfLog({ workspace, execution }: Ref): Promise<number[]> {
  const query = {
    TableName: on.tables.executions,
    KeyConditionExpression: "pk = :pk AND begins_with(sk, :log)",
    ExpressionAttributeValues: { ":pk": { S: `${workspace}#${execution}` }, ":log": { S: "LOG#" } },
  };
  const { Items = [] } = await ports.clients.dynamo.send(new QueryCommand(query));
  return Items.map((item) => Number(item.sk!.S!.split("#").at(-1)));
}
const firsts = async (by: Aws, head: Head) => (await by.executions.batches(head, head.run, 1)).map((b) => b.first);

describeUnless(cannotRun)("a close in the head", () => {
  beforeAll(async () => {
    on = await install();
    ports = on.adapter();
  });
  afterAll(() => on?.end());

  test("another process finds the closing batch, and the feed shows it", async () => {
    const head = await claimedRun();
    await step(head, 2);
    const other = on.adapter();
    expect(await firsts(other, head)).toEqual([2]);
    expect(await close(head, 3)).toEqual({ kind: "closed" });
    expect(await itemsOfLog(head)).toEqual([2]);
    expect(await firsts(other, head)).toEqual([2, 3]);
    const scope = { execution: head.execution };
    const shown = async () => {
      const { items } = await other.feed.read(head.workspace, { ...scope, after: 0, limit: 100 });
      return items.map((i) => i.event.wire.event_type).filter((type) => type.startsWith("WORKFLOW_EXECUTION"));
    };
    const whole = ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_EXECUTION_COMPLETED"];
    await expect.poll(shown, { timeout: 20_000, interval: 100 }).toEqual(whole);
  });

  test("an append that comes after it is refused by a process that has read the head since", async () => {
    const head = await claimedRun();
    const late = on.adapter();
    await late.executions.head(head);
    await close(head, 2);
    await late.executions.head(head);
    const batch = batchOf(2, ports.clock.now(), [scheduled(1)]);
    expect(await late.executions.putBatch(head, head.run, batch, LIMIT)).toMatchObject({ kind: "taken" });
    expect(await firsts(on.adapter(), head)).toEqual([2]);
  });

  test("of an append that comes after it by a process that has not, no reader shows anything", async () => {
    const head = await claimedRun();
    const late = on.adapter();
    await late.executions.head(head);
    await close(head, 2);
    const batch = batchOf(2, ports.clock.now(), [scheduled(1)]);
    await late.executions.putBatch(head, head.run, batch, LIMIT);
    for (const by of [ports, on.adapter()]) {
      const found = await by.executions.batches(head, head.run, 1);
      expect(found.map(({ first, events }) => [first, events.map(({ kind }) => kind)])).toEqual([
        [2, ["execution_completed"]],
      ]);
    }
  });

  test.each([
    ["a second claim", async (head: Head) => claimAgain(head)],
    [
      "a park",
      async (head: Head) => {
        const { run, fence } = head;
        const dueAt = ports.clock.now() + 60_000;
        await ports.executions.park(head, { run, fence, dueAt, effectsDoneThrough: 1 });
        return head;
      },
    ],
  ])("after %s the close is a transaction with its position of the log", async (_, after) => {
    const head = await claimedRun();
    await step(head, 2);
    const owner = await after(head);
    expect(await close(owner, 2), "at a position that has a batch").toEqual({ kind: "conflict" });
    expect(await close(owner, 3)).toEqual({ kind: "closed" });
    expect(await itemsOfLog(head)).toEqual([2, 3]);
    expect(await firsts(on.adapter(), head)).toEqual([2, 3]);
  });

  test("a failed run closes so, is counted with its failure, and a deletion takes the example of it away", async () => {
    const head = await claimedRun();
    const failure = { type: "CardError", message: "the card of Ada is refused" };
    const event = { kind: "execution_failed", failure } as const;
    const over = { status: "FAILED", result: null, failure: failure.message } as const;
    await step(head, 2);
    expect(await close(head, 3, { event, over })).toEqual({ kind: "closed" });
    expect(await itemsOfLog(head)).toEqual([2]);
    expect(await firsts(on.adapter(), head)).toEqual([2, 3]);
    const from = Math.floor(ports.clock.now() / 3_600_000) * 3_600_000;
    const hour = { subject: "failures", size: "hour", from: from - 3_600_000, until: from + 7_200_000 } as const;
    const read = () => ports.rollups.read(head.workspace, hour);
    const counted = [{ counts: { failed: 1 }, failure: { execution: head.execution, ...failure } }];
    await expect.poll(read, { timeout: 20_000, interval: 100 }).toMatchObject(counted);
    expect(await deleteExecution(ports, head)).toEqual({ kind: "deleted" });
    const [bucket] = await read();
    expect(bucket).toMatchObject({ counts: { failed: 1 }, failure: { execution: null, run: null } });
    expect(JSON.stringify(bucket)).not.toContain("Ada");
  });

  test("a run that tells a parent, or has no deadline, closes by a transaction", async () => {
    const due = await claimedRun();
    expect(await close(due, 2, { over: { due_at: ports.clock.now() } })).toEqual({ kind: "closed" });
    const endless = await claimedRun({ deadline: null });
    expect(await close(endless, 2)).toEqual({ kind: "closed" });
    for (const head of [due, endless]) expect(await itemsOfLog(head)).toEqual([2]);
  });

  test("a close after a message changes nothing, and the message is still there", async () => {
    const head = await claimedRun();
    await send(ports, head, signal("s", ports.clock.now()));
    expect(await close(head, 2)).toMatchObject({ kind: "fenced", head: { status: "RUNNING" } });
    expect(await firsts(on.adapter(), head)).toEqual([]);
    expect(await ports.executions.inbox(head, head.chain)).toHaveLength(1);
  });

  test("terminate and the owner's close at the same moment end the run once", async () => {
    for (let round = 0; round < 5; round++) {
      const head = await claimedRun();
      const other = on.adapter();
      await other.executions.head(head);
      const event = { kind: "execution_terminated", reason: null } as const;
      const batch = batchOf(2, ports.clock.now(), [event]);
      const next = finalOf(head, ports.clock.now(), { status: "TERMINATED", result: null });
      const ended = await Promise.all([
        close(head, 2),
        other.executions.close(head, { run: head.run, fence: null, batch, next }),
      ]);
      expect(ended.filter(({ kind }) => kind === "closed")).toHaveLength(1);
      const [last] = await on.adapter().executions.batches(head, head.run, 1);
      const status = (await ports.executions.head(head))!.status;
      const kinds = { COMPLETED: "execution_completed", TERMINATED: "execution_terminated" };
      expect(last!.events.at(-1)!.kind).toBe(kinds[status as keyof typeof kinds]);
    }
  });
});
