/** Records that the feed's consumer cannot read, over tables in memory: they hold up nothing, and can be made up for. */
import { expect, test } from "vitest";
import { presentProgress } from "../../shared/core/present.ts";
import { subjectOf } from "../../shared/core/rollups.ts";
import type { FeedItem } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import type { Change } from "../../shared/server/aws.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { batchOf, begun, bench, closed, newRef, uuid } from "../contract/subject.ts";
import { MEMORY_TABLES, memoryAws } from "../support/memory-aws.ts";
import { drain } from "./drain.ts";

const DEAD_LETTERS = "memory:feed-dead-letters";
const done = (activity: number): NewEvent => ({ kind: "activity_completed", activity, name: "charge", result: null });
const unreadable = { S: '{"first":2,"events":' };

function world() {
  const clock = new ManualClock();
  const on = memoryAws({ clock, feedDeadLetters: DEAD_LETTERS });
  const b = bench({ ports: on.ports, pass: (ms) => clock.advance(ms) });
  const write = async (head: Head, first: number, n = 1) => {
    const batch = batchOf(
      first,
      clock.now(),
      Array.from({ length: n }, (_, i) => done(first + i)),
    );
    expect((await on.ports.executions.putBatch(head, head.run, batch, 1e9)).kind).toBe("written");
  };
  const find = (changes: readonly Change[], part: string) => changes.find(({ image }) => image.sk!.S!.includes(part))!;
  /** Damages the stored item and its record alike, as a version does that writes what this one cannot read. */
  const damage = (change: Change, attribute: "batch" | "events") => {
    const { items } = on.clients;
    const isIt = (item: Change["image"]) => item.pk!.S === change.image.pk!.S && item.sk!.S === change.image.sk!.S;
    const item = items(MEMORY_TABLES.executions).find(isIt)!;
    const whole = item[attribute]!;
    item[attribute] = unreadable;
    change.image[attribute] = unreadable;
    return () => {
      item[attribute] = whole;
    };
  };
  /** As Lambda does: from the first record that failed on, again. Answers how often the records were delivered. */
  const deliver = async (changes: readonly Change[]): Promise<number> => {
    for (let tries = 1; tries <= 20; tries++) {
      const failed = await on.ports.feedChanges(changes);
      if (failed.length === 0) return tries;
      changes = changes.slice(changes.findIndex(({ id }) => failed.includes(id)));
    }
    return Number.POSITIVE_INFINITY;
  };
  const letters = () => (on.clients.sent.get(DEAD_LETTERS) ?? []).map((body) => JSON.parse(body));
  const read = async (workspace: string): Promise<readonly FeedItem[]> =>
    (await on.another().ports.feed.read(workspace, { after: 0, limit: 1000 })).items;
  return { clock, on, b, write, find, damage, deliver, letters, read };
}

const ids = (items: readonly FeedItem[]) => items.map(({ event }) => event.wire.workflow_exec_id);

test("a batch that cannot be read is left out after three deliveries, and later records of its shard are shown", async () => {
  const { on, b, write, find, damage, deliver, letters, read } = world();
  const one = await begun(b);
  const other = await begun(b, newRef(one.workspace));
  await write(one, 2, 3);
  await write(one, 5);
  const changes = [...on.changesOf(one), ...on.changesOf(other)];
  const broken = find(changes, "#00000002");
  const repair = damage(broken, "batch");
  expect(await deliver(changes)).toBe(3);
  const { pk, sk } = { pk: broken.image.pk!.S, sk: broken.image.sk!.S };
  expect(letters()).toMatchObject([{ from: { pk, sk }, at: broken.at, error: expect.any(String) }]);
  const shown = await read(one.workspace);
  expect(ids(shown)).toEqual([one.execution, one.execution, other.execution]);
  // Its places stay free, in their order.
  expect(shown.map(({ sequence }) => sequence)).toEqual([1, 5, 6]);
  // A version that can read it shows what was left out.
  repair();
  expect((await read(one.workspace)).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a record that comes again after it was left out is neither shown nor reported twice", async () => {
  const { on, b, write, find, damage, deliver, letters } = world();
  const one = await begun(b);
  await write(one, 2);
  const changes = on.changesOf(one);
  damage(find(changes, "#00000002"), "batch");
  await deliver(changes);
  const last = await on.ports.feed.last(one.workspace);
  expect(await on.ports.feedChanges(changes)).toEqual([]);
  expect(await on.ports.feed.last(one.workspace)).toBe(last);
  expect(letters()).toHaveLength(1);
});

test("a failure of a service leaves nothing out, however often it comes", async () => {
  const { on, b, write, find, letters } = world();
  const one = await begun(b);
  await write(one, 2);
  const changes = on.changesOf(one);
  // The tables in memory have no S3: its client fails as one that reaches nobody.
  const record = find(changes, "#00000002");
  record.image.batch = { M: { s3: { S: `${one.workspace}/there` } } };
  for (let tries = 0; tries < 6; tries++) expect(await on.ports.feedChanges(changes.slice(-1))).toEqual([record.id]);
  expect(letters()).toEqual([]);
});

test("the stream of an execution passes a batch and a progress report that cannot be read, and ends with its run", async () => {
  const { clock, on, b, write, find, damage, deliver } = world();
  const one = await begun(b);
  await write(one, 2);
  const event = { event: "in_progress", task: "t", task_type: "x", attributes: {}, at: clock.now() } as const;
  const progress = presentProgress(one, event, { id: 1, name: "charge" }, uuid());
  await on.ports.feed.publish(one, one.run, { id: "publish#1", at: clock.now() }, [progress, progress]);
  await closed(b, one, 3);
  const changes = on.changesOf(one).map((change) => {
    if (change.image.sk!.S === "HEAD") change.image.fresh = { BOOL: true };
    return change;
  });
  const follower = await on.another().ports.feed.follow(one, { after: 0, limit: 100 });
  damage(find(changes, "#00000002"), "batch");
  damage(find(changes, "#00000003"), "batch");
  damage(find(changes, "PROGRESS#"), "events");
  await deliver(changes);
  expect(await drain(follower)).toHaveLength(1);
  expect(await follower.next()).toEqual({ items: [], state: "current" });
});

test("what a batch that was left out has not counted is counted once, when it is filled in", async () => {
  const { clock, on, b, find, damage, deliver, letters, read } = world();
  const one = await begun(b);
  await closed(b, one, 2);
  const changes = on.changesOf(one).map((change) => {
    if (change.image.sk!.S === "HEAD") change.image.fresh = { BOOL: true };
    return change;
  });
  const repair = damage(find(changes, "#00000002"), "batch");
  await deliver(changes);
  const counts = async () => {
    const p = { size: "hour", from: 0, until: clock.now() + 3_600_000, subject: subjectOf(one.workflow) } as const;
    const buckets = await on.another().ports.rollups.read(one.workspace, p);
    return buckets.map(({ counts }) => counts);
  };
  expect(await counts()).toEqual([{ started: 1 }]);
  const [{ from, at }] = letters();
  const filling = on.another().ports;
  expect(await filling.refillFeed({ from, at })).toBe("unreadable");
  repair();
  for (let tries = 0; tries < 2; tries++) {
    expect(await filling.refillFeed({ from, at })).toBe("filled in");
    expect(await counts()).toEqual([expect.objectContaining({ started: 1, completed: 1 })]);
  }
  expect((await read(one.workspace)).map(({ event }) => event.wire.event_type)).toEqual([
    "WORKFLOW_EXECUTION_STARTED",
    "WORKFLOW_EXECUTION_COMPLETED",
  ]);
});
