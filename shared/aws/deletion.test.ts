/** Deletions on AWS that lose to another writer, over tables in memory that two processes share. */
import { expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { batchOf, begun, bench, closed, LIMIT, newRef, scheduled, signal, uuid } from "../../test/contract/subject.ts";
import { MEMORY_TABLES, type MemoryAws, memoryAws } from "../../test/support/memory-aws.ts";
import { deleteExecution } from "../engine/delete.ts";
import type { Head } from "../protocol/head.ts";
import { CLOSED_STATUSES } from "../protocol/status.ts";

test("a start is no start of a deleted execution because a deletion tried, and another start won", async () => {
  const here = memoryAws({ clock: new ManualClock() });
  const there = here.another();
  const b = bench({ ports: here.ports, pass: async () => {} });
  const first = await begun(b, newRef());
  const { run, fence } = await closed(b, first);
  const next: Head = { ...first, run: uuid(), chain: uuid(), token: "another" };
  const dynamo = there.clients.dynamo as unknown as { send(command: object): Promise<unknown> };
  const send = dynamo.send.bind(dynamo);
  let raced = false;
  dynamo.send = async (command) => {
    if (!raced && command.constructor.name === "TransactWriteItemsCommand") {
      raced = true;
      expect(await here.ports.executions.create(next, CLOSED_STATUSES)).toEqual({ kind: "created" });
    }
    return send(command);
  };
  expect(await there.ports.executions.hide(first, { run, fence })).toBe(false);
  expect(raced).toBe(true);
  await closed(b, (await b.ports.executions.head(first))!);
  expect(await b.ports.executions.create(first, CLOSED_STATUSES)).toMatchObject({ kind: "exists", head: { run } });
});

/** A closed execution with a log, an attempt, and a message that no worker has taken in; and another one. */
async function two(on: MemoryAws) {
  const b = bench({ ports: on.ports, pass: async () => {} });
  const make = async () => {
    const head = await begun(b, newRef());
    await b.ports.executions.putBatch(head, head.run, batchOf(2, b.now(), [scheduled(1)]), LIMIT);
    await b.ports.activities.begin({ ref: head, run: head.run, activity: 1, attempt: 1, queued: true, now: b.now() });
    await b.ports.executions.putMessage(head, head.chain, signal("late", b.now(), "secret"));
    return closed(b, head, 3);
  };
  return { gone: await make(), stays: await make() };
}
/** Keys, without those of the head or tombstone, of the tokens of its starts, and of notes of the sweeper for closed runs. */
const itemsOf = (on: MemoryAws, of: Head) =>
  on.clients
    .items(MEMORY_TABLES.executions)
    .map(({ pk, sk }) => `${pk!.S} ${sk!.S}`)
    .filter((key) => key.includes(of.execution) || key.includes(of.run))
    .filter((key) => !/ (HEAD$|GONE#|EXPIRE#)/.test(key))
    .sort();

/** The sweeper deletes what closed executions still have in their inboxes, deleted or not. */
const keptOf = (on: MemoryAws, of: Head) => itemsOf(on, of).filter((key) => !/ (IN|SEQ)#/.test(key));

test("a caller that dies at any of its calls leaves nothing in the end, and nothing of others is touched", async () => {
  for (let step = 1; ; step++) {
    const clock = new ManualClock();
    const here = memoryAws({ clock });
    const { gone, stays } = await two(here);
    const before = keptOf(here, stays);
    expect(keptOf(here, gone)).toHaveLength(before.length);
    const dying = here.another();
    const dynamo = dying.clients.dynamo as unknown as { send(command: object): Promise<unknown> };
    const send = dynamo.send.bind(dynamo);
    let calls = 0;
    dynamo.send = async (command) => {
      calls += 1;
      if (calls >= step) throw new Error("the process is dead");
      return send(command);
    };
    const ended = await deleteExecution(dying.ports, gone).then(
      () => "answered",
      () => "died",
    );
    const hidden = (await here.ports.executions.head(gone)) === null;
    for (let rounds = 0; rounds < 4; rounds++) {
      await clock.advance(3_700_000);
      await here.ports.sweep(1000, clock.now() + 60_000);
    }
    if (hidden) expect(itemsOf(here, gone), `died at call ${step}`).toEqual([]);
    else expect(await here.ports.executions.head(gone), `died at call ${step}`).toEqual(gone);
    expect(keptOf(here, stays), `died at call ${step}`).toEqual(before);
    expect(await deleteExecution(here.ports, gone)).toEqual({ kind: "deleted" });
    expect(await deleteExecution(here.ports, gone)).toEqual({ kind: "deleted" });
    expect(keptOf(here, stays)).toEqual(before);
    if (ended === "answered") {
      expect(step).toBeGreaterThan(10);
      return;
    }
  }
});
