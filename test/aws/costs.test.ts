/** The cost of each call of the protocol, as DynamoDB counts it. The price of an execution depends on these figures. */
import { QueryCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { closingIn } from "../../shared/aws/closing-batch.ts";
import type { Item } from "../../shared/aws/table.ts";
import { append } from "../../shared/engine/append.ts";
import { type Claimed, claim } from "../../shared/engine/claim.ts";
import { close } from "../../shared/engine/close.ts";
import { addLogRecords } from "../../shared/engine/log-records.ts";
import { park } from "../../shared/engine/park.ts";
import { send } from "../../shared/engine/send.ts";
import { start } from "../../shared/engine/start.ts";
import { overriding } from "../../shared/lib/overriding.ts";
import type { Ref } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { batchOf, completed, finalOf, newRef, scheduled, signal, startOf, uuid } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

let on: Installation;
let ports: Aws;
let ref: Ref;

/** Write and read units of one call. */
async function cost(call: () => Promise<unknown>): Promise<{ writes: number; reads: number }> {
  ports.clients.meter.take();
  await call();
  const { writeUnits, readUnits } = ports.clients.meter.take();
  return { writes: writeUnits, reads: readUnits };
}

const begin = () => start(ports, startOf(ref));
async function claimed(): Promise<Claimed> {
  const answer = await claim(ports, ref, { session: uuid() });
  if (answer.kind !== "claimed") throw new Error("the execution is closed");
  return answer;
}
const step = (n: number, { head }: Claimed, look: boolean) => {
  const local = [{ ...scheduled(n), where: "local:s" as const }];
  const batch = batchOf(1 + n, ports.clock.now(), local);
  return append(ports, ref, { run: head.run, chain: head.chain, fence: head.fence, batch, taken: [], look });
};
const parkUntil = ({ head: { run, fence } }: Claimed, dueAt: number | null) =>
  park(ports, ref, { run, fence, dueAt, effectsDoneThrough: 1 });

describeUnless(cannotRun)("the cost of a call", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    const adapter = on.adapter();
    // A process reads the holds of a workspace once in five seconds (HOLD-6), for all its claims: no execution is charged for it.
    const registry = overriding(adapter.registry, { knownHolds: async () => [] });
    ports = { ...adapter, registry };
  });
  afterAll(() => on?.end());
  beforeEach(() => {
    ref = newRef();
  });

  const itemsOf = async (of: Ref): Promise<Item[]> => {
    const values = { ":pk": { S: `${of.workspace}#${of.execution}` } };
    const query = {
      TableName: on.tables.executions,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: values,
    };
    return (await ports.clients.dynamo.send(new QueryCommand(query))).Items ?? [];
  };

  test("a start writes the head and its entries in two indexes", async () => {
    expect(await cost(begin)).toEqual({ writes: 3, reads: 0 });
  });

  test("the first claim moves no index entry and reads no log", async () => {
    await begin();
    expect(await cost(claimed)).toEqual({ writes: 1, reads: 1 });
  });

  test("a step is one write; with a look for messages it also reads once", async () => {
    await begin();
    const owner = await claimed();
    expect(await cost(() => step(1, owner, false))).toEqual({ writes: 1, reads: 0 });
    expect(await cost(() => step(2, owner, true))).toEqual({ writes: 1, reads: 1 });
  });

  test("100 log records in one group are seven writes, and one alone is two", async () => {
    await begin();
    const head = (await ports.executions.head(ref))!;
    const record = (i: number) => ({
      at: ports.clock.now() + 7 * i,
      level: "info" as const,
      body: `charged the card of customer ${uuid()} for order ${i}`,
      attributes: { amount: String(17 * i), order: uuid() },
    });
    const records = Array.from({ length: 100 }, (_, i) => record(i));
    const from = { worker: "w1", trace: "a".repeat(32) };
    const add = (some: typeof records) => addLogRecords(ports, head, from, { id: uuid(), records: some, dropped: 0 });
    const together = await cost(() => add(records));
    expect(together.writes).toBeGreaterThanOrEqual(6); // ids compress badly, and differ from run to run
    expect(together.writes).toBeLessThanOrEqual(8);
    expect(together.reads).toBe(1);
    expect((await cost(() => add(records.slice(0, 1)))).writes).toBe(2);
  });

  const failed = { kind: "execution_failed", failure: { type: "Error", message: "no" } } as const;
  test.each([
    ["by the only worker that had it writes the head, and entries in both indexes", 1, completed, 3],
    ["of a run that has failed writes as little", 1, failed, 3],
    ["of another writes two items in a transaction, and entries in both indexes", 2, completed, 6],
  ])("a close %s", async (_, claims, event, writes) => {
    await begin();
    for (let n = 1; n < claims; n++) await claimed();
    const { head } = await claimed();
    const last = {
      run: head.run,
      chain: head.chain,
      fence: head.fence,
      batch: batchOf(2, ports.clock.now(), [event]),
      taken: [],
      result: event === completed ? { ok: true } : null,
      failure: event === completed ? null : failed.failure.message,
      outbox: [],
      carried: [],
    };
    expect(await cost(() => close(ports, ref, last))).toEqual({ writes, reads: 1 });
  });

  test.each([
    1, 10, 100,
  ])("the head of an execution with %i steps holds the units that DynamoDB has counted", async (steps) => {
    ports.clients.meter.take();
    await begin();
    let owner = await claimed();
    const local = (n: number) => step(n, owner, n % 5 === 0);
    for (let n = 1; n < steps; n++) await local(n);
    await parkUntil(owner, null);
    await send(ports, ref, signal("s", ports.clock.now()));
    owner = await claimed();
    const took = { kind: "signal_received", message: "signal#s", name: "poke", input: null } as const;
    const { run, chain, fence } = owner.head;
    const batch = batchOf(1 + steps, ports.clock.now(), [took]);
    await append(ports, ref, { run, chain, fence, batch, taken: ["signal#s"], look: false });
    await parkUntil(owner, ports.clock.now() + 60_000);
    owner = await claimed();
    const last = { run, chain, fence: owner.head.fence, batch: batchOf(2 + steps, ports.clock.now(), [completed]) };
    const rest = { taken: [], result: { ok: true }, failure: null, outbox: [], carried: [] };
    expect(await close(ports, ref, { ...last, ...rest })).toEqual({ kind: "closed" });
    const { writeUnits, readUnits } = ports.clients.meter.take();
    expect((await ports.executions.head(ref))!.cost).toEqual({
      worker_calls: steps + 6,
      tasks: 3,
      write_units: writeUnits,
      read_units: readUnits,
      commits: null,
      bytes_written: null,
    });
  });

  test("the feed takes several changes with one write; the counts of starts and closes among them cost five units more", async () => {
    const feeder = on.adapter();
    const taken = async (head: Head) => {
      const image = (await itemsOf(head)).map((item, i) => ({
        id: `${head.run} ${i}`,
        at: ports.clock.now(),
        image: closingIn(item) ?? item,
      }));
      feeder.clients.meter.take();
      expect(await feeder.feedChanges(image)).toEqual([]);
      return feeder.clients.meter.take().writeUnits;
    };
    const whole = async () => {
      await begin();
      const { head } = await claimed();
      const batch = batchOf(2, ports.clock.now(), [completed]);
      const next = finalOf(head, ports.clock.now());
      await ports.executions.close(ref, { run: head.run, fence: head.fence, batch, next });
      return head;
    };
    await taken(await whole()); // raises the limit of the workspace's sequences
    ref = newRef(ref.workspace);
    expect(await taken(await whole())).toBe(6);
    ref = newRef(ref.workspace);
    await begin();
    const owner = await claimed();
    await step(1, owner, false);
    expect(await taken(owner.head)).toBe(1);
  });

  test("a question to a person writes the head and an index entry when it is asked, and again when it is answered", async () => {
    await begin();
    const owner = await claimed();
    const { run, chain, fence } = owner.head;
    const put = (first: number, event: "started" | "completed") => {
      const told = { kind: "custom_task", event, task: "t", task_type: "wait_for_input", attributes: {} } as const;
      const batch = batchOf(first, ports.clock.now(), [told]);
      return append(ports, ref, { run, chain, fence, batch, taken: [], look: false });
    };
    expect(await cost(() => put(2, "started"))).toEqual({ writes: 3, reads: 2 });
    expect(await cost(() => put(3, "completed"))).toEqual({ writes: 3, reads: 2 });
  });

  test("a signal to a parked execution writes its number, message, head and one index entry, which the claim does not move", async () => {
    await begin();
    await parkUntil(await claimed(), null);
    expect(await cost(() => send(ports, ref, signal("s", ports.clock.now())))).toEqual({ writes: 4, reads: 1 });
    let owner: Claimed;
    const claiming = async () => {
      owner = await claimed();
    };
    expect((await cost(claiming)).writes).toBe(1);
    expect(await cost(() => parkUntil(owner, null))).toEqual({ writes: 2, reads: 0 });
  });
});
