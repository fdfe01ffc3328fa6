/** FEED-4 over tables in memory: what a deletion takes out of the feed of its workspace, and what it leaves. */
import { expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { batchOf, begun, bench, closed, LIMIT, newRef } from "../../test/contract/subject.ts";
import { MEMORY_TABLES, type MemoryAws, memoryAws } from "../../test/support/memory-aws.ts";
import { presentProgress } from "../core/present.ts";
import type { Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { NewEvent } from "../protocol/history.ts";

const HOUR = 3_600_000;
const done = (activity: number): NewEvent => ({
  kind: "activity_completed",
  activity,
  name: "charge",
  result: "secret",
});

function made() {
  const clock = new ManualClock();
  const on = memoryAws({ clock });
  return { clock, on, b: bench({ ports: on.ports, pass: async () => {} }) };
}

/** A closed execution with a log and a progress report, and its changes until it closed and afterwards; some come twice. */
async function full({ b, on }: Pick<ReturnType<typeof made>, "b" | "on">, workspace?: string) {
  const head = await begun(b, newRef(workspace));
  await b.ports.executions.putBatch(head, head.run, batchOf(2, b.now(), [done(1)]), LIMIT);
  const progress = { event: "in_progress", task: "t", task_type: "tokens", attributes: {}, at: b.now() } as const;
  const shown = presentProgress(head, progress, { id: 1, name: "charge" }, `p-${head.run}`);
  await b.ports.feed.publish(head, head.run, { id: "p", at: b.now() }, [shown]);
  const open = on.changesOf(head);
  const final = await closed(b, head, 3);
  return { final, open, changes: [...open, ...on.changesOf(head)] };
}

const all = async (on: MemoryAws, { workspace }: Ref) =>
  (await on.ports.feed.read(workspace, { after: 0, limit: 10_000 })).items;
const ofRun = (items: Awaited<ReturnType<typeof all>>, { run }: Head) =>
  items.filter(({ event }) => event.wire.workflow_run_id === run);

test("the events of a deleted execution leave the feed, and sequences and events of others stay", async () => {
  const { on, b } = made();
  const { final: gone, changes: of } = await full({ b, on });
  const { final: stays, changes: ofOther } = await full({ b, on }, gone.workspace);
  // Some items hold events of both.
  for (let i = 0; i < of.length; i++) await on.ports.feedChanges([of[i]!, ofOther[i]!]);
  const before = await all(on, gone);
  expect(ofRun(before, gone).length).toBeGreaterThanOrEqual(4);
  const last = await on.ports.feed.last(gone.workspace);
  await on.ports.executions.hide(gone, gone);
  await on.ports.executions.erase(gone, b.now() + 60_000);
  const after = await all(on, gone);
  expect(after).toEqual(before.filter(({ event }) => event.wire.workflow_run_id !== gone.run));
  expect(ofRun(after, stays)).toEqual(ofRun(before, stays));
  expect(await on.ports.feed.last(gone.workspace)).toBe(last);
  // The writer still knows what it has appended.
  expect(await on.ports.feedChanges([...of, ...ofOther])).toEqual([]);
  expect(await all(on, gone)).toEqual(after);
});

test("an event that the writer appends after the deletion goes an hour later", async () => {
  const { clock, on, b } = made();
  const { final: gone, open, changes } = await full({ b, on });
  await on.ports.feedChanges(open);
  await on.ports.executions.hide(gone, gone);
  await on.ports.executions.erase(gone, b.now() + 60_000);
  expect(await all(on, gone)).toEqual([]);
  await on.ports.feedChanges(changes);
  expect(ofRun(await all(on, gone), gone).length).toBeGreaterThan(0);
  await clock.advance(HOUR + 60_000);
  await on.ports.sweep(1000, clock.now() + 60_000);
  expect(await all(on, gone)).toEqual([]);
});

test("a deletion that has no time for all of the feed goes on where it stopped", async () => {
  const { clock, on, b } = made();
  const { final: gone, changes } = await full({ b, on });
  const busy = await begun(b, newRef(gone.workspace));
  for (let first = 2; first < 260; first++)
    await b.ports.executions.putBatch(busy, busy.run, batchOf(first, b.now(), [done(first)]), LIMIT);
  for (const change of on.changesOf(busy)) await on.ports.feedChanges([change]);
  await on.ports.feedChanges(changes);
  const dynamo = on.clients.dynamo as unknown as { send(command: { input: object }): Promise<unknown> };
  const send = dynamo.send.bind(dynamo);
  const read: string[] = [];
  dynamo.send = async (command) => {
    const { TableName, ExpressionAttributeValues: values } = command.input as {
      TableName?: string;
      ExpressionAttributeValues?: Record<string, { S?: string }>;
    };
    if (TableName === MEMORY_TABLES.feed && command.constructor.name === "QueryCommand") {
      read.push(
        Object.values(values ?? {})
          .map(({ S }) => S)
          .join(" "),
      );
      await clock.advance(20_000);
    }
    return send(command);
  };
  await on.ports.executions.hide(gone, gone);
  await on.ports.executions.erase(gone, b.now() + 60_000);
  const [note] = on.clients.items(MEMORY_TABLES.executions).filter(({ sk }) => sk!.S!.startsWith("ERASE#"));
  expect(note).toMatchObject({ fed: { N: expect.stringMatching(/00$/) } });
  const first = read.length;
  await clock.advance(60_000);
  await on.ports.sweep(1000, clock.now() + 60_000);
  expect(read[first]).toContain(String(Number(note!.fed!.N) + 1).padStart(16, "0"));
  dynamo.send = send as never;
  expect(ofRun(await all(on, gone), gone)).toEqual([]);
  expect(ofRun(await all(on, gone), busy)).toHaveLength(259);
});
