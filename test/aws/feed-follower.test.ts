/** The follower of one execution over tables in memory: what its looks cost, and that it shows each event once. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { closingIn } from "../../shared/aws/closing-batch.ts";
import { presentProgress } from "../../shared/core/present.ts";
import type { FeedItem } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import type { Change } from "../../shared/server/aws.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { batchOf, begun, bench, claimed, completed, finalOf, newRef, uuid } from "../contract/subject.ts";
import { memoryAws } from "../support/memory-aws.ts";
import { drain } from "./drain.ts";

const done = (activity: number): NewEvent => ({ kind: "activity_completed", activity, name: "charge", result: null });
const hidden = (timer: number): NewEvent => ({ kind: "timer_started", timer, fire_at: 1 });

/** A workspace whose feed gets what was written only when `feed` is called, as the change stream has its delay. */
function world() {
  const clock = new ManualClock();
  const on = memoryAws({ clock });
  const writer = on.another();
  const b = bench({ ports: on.ports, pass: (ms) => clock.advance(ms) });
  const known = new Set<string>();
  const next = new Map<string, number>();
  /** Records in the order of the writes, as the change stream has them. */
  const stream: Change[] = [];
  /** The head of a run that its only owner has closed brings its closing batch. */
  const changeOf = (change: Change): Change => ({ ...change, image: closingIn(change.image) ?? change.image });
  const isNew = ({ image }: Change) => {
    const id = `${image.pk!.S} ${image.sk!.S}`;
    if (!/^(HEAD|LOG#|PROGRESS#)/.test(image.sk!.S!) || known.has(id)) return false;
    known.add(id);
    return true;
  };
  const written = (ref: Head) => stream.push(...on.changesOf(ref).map(changeOf).filter(isNew));
  const start = async (workspace = uuid()) => {
    const deadline = clock.now() + 10 * 365 * 86_400_000;
    const head = await begun(b, newRef(workspace), { run: on.ports.uuid(), deadline });
    written(head);
    return head;
  };
  const feed = async (ref: Head, most = Number.POSITIVE_INFINITY) => {
    const isOf = ({ image }: Change) => image.pk!.S === `${ref.workspace}#${ref.execution}`;
    const changes = stream.filter(isOf).slice(0, most);
    expect(await writer.ports.feedChanges(changes)).toEqual([]);
    for (const change of changes) stream.splice(stream.indexOf(change), 1);
  };
  const write = async (head: Head, events: (n: number) => NewEvent[]) => {
    const first = next.get(head.run) ?? 2;
    const batch = batchOf(first, clock.now(), events(first));
    expect((await on.ports.executions.putBatch(head, head.run, batch, 1e9)).kind).toBe("written");
    next.set(head.run, first + batch.events.length);
    written(head);
  };
  const publish = async (head: Head, at = clock.now(), id = uuid()) => {
    const event = { event: "in_progress", task: "t", task_type: "tokens", attributes: {}, at } as const;
    const shown = presentProgress(head, event, { id: 1, name: "charge" }, uuid());
    await on.ports.feed.publish(head, head.run, { id: `publish#${id}`, at }, [shown, shown]);
    written(head);
  };
  const continued = async (of: Head): Promise<Head> => {
    const head = await claimed(b, of);
    const run = uuid();
    const event: NewEvent = { kind: "execution_continued", run, workflow: head.workflow, input: null };
    const batch = batchOf(next.get(head.run) ?? 2, clock.now(), [event]);
    const following = { ...head, run, continued_from: head.run, started_at: clock.now() };
    await on.ports.executions.close(head, { run: head.run, fence: head.fence, batch, next: following });
    written(head);
    return following;
  };
  /** By its owner: in the head, unless the run was claimed before. */
  const close = async (of: Head) => {
    const head = await claimed(b, of);
    const batch = batchOf(next.get(head.run) ?? 2, clock.now(), [completed]);
    const request = { run: head.run, fence: head.fence, batch, next: finalOf(head, clock.now()) };
    expect(await on.ports.executions.close(head, request)).toEqual({ kind: "closed" });
    written(head);
  };
  const park = async (of: Head) => {
    const { run, fence } = await claimed(b, of);
    expect(await on.ports.executions.park(of, { run, fence, dueAt: null, effectsDoneThrough: 1 })).toBe(true);
  };
  return { clock, on, feed, write, publish, start, continued, close, park };
}

test("a look at a quiet execution costs one read unit, however much its workspace adds to the feed", async () => {
  const costs: number[][] = [];
  for (const rate of [0, 1, 50]) {
    const { clock, on, feed, write, publish, start, park } = world();
    const quiet = await start();
    const busy = await start(quiet.workspace);
    await publish(quiet);
    await park(quiet);
    await feed(quiet);
    const reader = on.another();
    const follower = await reader.ports.feed.follow(quiet, { after: 0, limit: 100 });
    expect(await drain(follower)).toHaveLength(3);
    const minutes: number[] = [];
    for (let minute = 0; minute < 10; minute++) {
      reader.clients.meter.take();
      for (let second = 0; second < 60; second++) {
        for (let i = 0; i < rate; i += 25) {
          await write(busy, (n) => Array.from({ length: Math.min(25, rate) }, (_, j) => done(n + j)));
        }
        await feed(busy);
        await clock.advance(1_000);
        expect(await follower.next()).toEqual({ items: [], state: "quiet" });
      }
      minutes.push(reader.clients.meter.take().readUnits);
    }
    costs.push(minutes);
  }
  const [idle, , busy] = costs as [number[], number[], number[]];
  // Sixty looks, of which some move on: five in the first minute, one in four minutes at the end.
  for (const minutes of costs) expect(Math.max(...minutes)).toBeLessThanOrEqual(60 * 1.3);
  expect(busy.at(-1)).toBeLessThanOrEqual(62);
  expect(busy.at(-1)! - idle.at(-1)!).toBeLessThanOrEqual(1);
}, 60_000);

test("while a run may close in its head, a look costs half a read unit more, until it is parked or claimed again", async () => {
  const { clock, on, feed, write, start, park } = world();
  const quiet = await start();
  await write(quiet, () => [done(1)]);
  await feed(quiet);
  const reader = on.another();
  const follower = await reader.ports.feed.follow(quiet, { after: 0, limit: 100 });
  expect(await drain(follower)).toHaveLength(2);
  const look = async () => {
    await clock.advance(1_000);
    reader.clients.meter.take();
    expect(await follower.next()).toEqual({ items: [], state: "quiet" });
    return reader.clients.meter.take().readUnits;
  };
  const cheapest = async () => Math.min(await look(), await look(), await look()); // some looks move on
  expect(await cheapest()).toBe(1.5);
  await park(quiet);
  await look();
  expect(await cheapest()).toBe(1);
});

test("a stream that is opened again beside a busy workspace reads none of what was added meanwhile", async () => {
  const { clock, on, feed, write, start } = world();
  const quiet = await start();
  await feed(quiet);
  const busy = await start(quiet.workspace);
  const after = (await drain(await on.ports.feed.follow(quiet, { after: 0, limit: 100 })))[0]!.sequence;
  const units: number[] = [];
  for (let hour = 0; hour < 3; hour++) {
    for (let minute = 0; minute < 60; minute++) {
      await write(busy, (n) => Array.from({ length: 100 }, (_, i) => done(n + i)));
      await feed(busy);
      await clock.advance(60_000);
    }
    const reader = on.another();
    const follower = await reader.ports.feed.follow(quiet, { after, limit: 100 });
    expect(await follower.next()).toEqual({ items: [], state: "quiet" });
    units.push(reader.clients.meter.take().readUnits);
  }
  expect(Math.max(...units)).toBeLessThanOrEqual(12);
  await write(quiet, () => [done(1)]);
  await feed(quiet);
  const reader = on.another();
  const follower = await reader.ports.feed.follow(quiet, { after, limit: 100 });
  expect(await drain(follower)).toHaveLength(1);
  expect(reader.clients.meter.take().readUnits).toBeLessThanOrEqual(60);
}, 60_000);

test("the follower waits for an event that the feed does not have yet, also after the run has closed", async () => {
  const { on, feed, start, close } = world();
  const mine = await start();
  await feed(mine);
  const follower = await on.another().ports.feed.follow(mine, { after: 0, limit: 100 });
  expect(await drain(follower)).toHaveLength(1);
  await close(mine);
  expect(await follower.next()).toEqual({ items: [], state: "behind" });
  expect(await follower.next()).toEqual({ items: [], state: "behind" });
  await feed(mine);
  expect((await follower.next()).items).toHaveLength(1);
  expect(await follower.next()).toEqual({ items: [], state: "current" });
});

test("followers that begin, wait and begin again show every event of their execution once, in the order of the feed", async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("write" as const), n: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("hidden" as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant("publish" as const), late: fc.integer({ min: 0, max: 400_000 }) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("others" as const) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("feed" as const), most: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 9, arbitrary: fc.record({ do: fc.constant("look" as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("again" as const) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 600_000 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("continue" as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), async (steps, limit) => {
      const { clock, on, feed, write, publish, start, continued } = world();
      let mine = await start();
      const other = await start(mine.workspace);
      const follow = (after: number) => on.another().ports.feed.follow(mine, { after, limit });
      let reader = await follow(0);
      const seen: FeedItem[] = [];
      for (const s of steps) {
        if (s.do === "write") await write(mine, (n) => Array.from({ length: s.n }, (_, i) => done(n + i)));
        else if (s.do === "hidden") await write(mine, (n) => [hidden(n)]);
        else if (s.do === "publish") await publish(mine, clock.now() - s.late);
        else if (s.do === "others") await write(other, (n) => [done(n), done(n + 1)]).then(() => feed(other));
        else if (s.do === "feed") await feed(mine, s.most);
        else if (s.do === "look") seen.push(...(await reader.next()).items);
        else if (s.do === "again") reader = await follow(seen.at(-1)?.sequence ?? 0);
        else if (s.do === "wait") await clock.advance(s.ms);
        else mine = await continued(mine);
      }
      await feed(mine);
      seen.push(...(await drain(reader)));
      await clock.advance(2_000); // FOLLOW-3
      seen.push(...(await drain(reader)));
      const all = (
        await on.another().ports.feed.read(mine.workspace, { after: 0, limit: 1e6, execution: mine.execution })
      ).items;
      expect(seen.map((item) => item.sequence)).toEqual(all.map((item) => item.sequence));
      expect(seen).toEqual(all);
    }),
    { numRuns: Number(process.env.FOLLOW_RUNS ?? 150) },
  );
}, 120_000);
