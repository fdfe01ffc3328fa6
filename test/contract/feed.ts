import { expect, test } from "vitest";
import { eventId, type PublicEvent, presentProgress } from "../../shared/core/present.ts";
import type { FeedItem, FeedReader } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import { batchOf, begun, claimed, closed, LIMIT, newRef, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

const done = (activity: number): NewEvent => ({ kind: "activity_completed", activity, name: "charge", result: null });
const hidden: NewEvent = { kind: "timer_started", timer: 1, fire_at: 1 };

export const feedContract: Contract = (of) => {
  const write = async (head: Head, first: number, events: NewEvent[]) => {
    const put = await of().ports.executions.putBatch(head, head.run, batchOf(first, of().now(), events), LIMIT);
    expect(put.kind).toBe("written");
  };
  const progress = (head: Head): PublicEvent =>
    presentProgress(
      head,
      { event: "in_progress", task: "t", task_type: "tokens", attributes: { custom_task: {} }, at: of().now() },
      { id: 1, name: "charge" },
      uuid(),
    );
  const read = async (workspace: string, p: Partial<Parameters<typeof feed.read>[1]> = {}) =>
    (await of().ports.feed.read(workspace, { after: 0, limit: 1000, ...p })).items;
  const feed = {
    read: (w: string, p: { after: number; limit: number; execution?: string; root?: string; run?: string }) =>
      of().ports.feed.read(w, p),
  };
  const types = (items: readonly FeedItem[]) => items.map((i) => i.event.wire.event_type);
  const ids = (items: readonly FeedItem[]) => items.map((i) => i.event.wire.event_id);
  const exactly = (workspace: string, n: number, p = {}) =>
    of().eventually(async () => {
      const items = await read(workspace, p);
      expect(items).toHaveLength(n);
      return items;
    });

  test("an empty workspace has no events, and later ones follow after `last`", async () => {
    const workspace = uuid();
    expect(await read(workspace)).toEqual([]);
    const last = await of().ports.feed.last(workspace);
    await begun(of(), newRef(workspace));
    const [item] = await exactly(workspace, 1);
    expect(item!.sequence).toBeGreaterThan(last);
    await of().eventually(async () =>
      expect(await of().ports.feed.last(workspace)).toBeGreaterThanOrEqual(item!.sequence),
    );
  });

  test("the public events of a run are in the order of its history, from start to end", async () => {
    const head = await begun(of());
    await write(head, 2, [done(1), hidden, done(2)]);
    await write(head, 5, [done(3)]);
    await closed(of(), head, 6);
    const items = await exactly(head.workspace, 5);
    expect(types(items)).toEqual([
      "WORKFLOW_EXECUTION_STARTED",
      "ACTIVITY_TASK_COMPLETED",
      "ACTIVITY_TASK_COMPLETED",
      "ACTIVITY_TASK_COMPLETED",
      "WORKFLOW_EXECUTION_COMPLETED",
    ]);
    expect(ids(items)).toEqual([1, 2, 4, 5, 6].map((n) => eventId(head.run, n, 0)));
    const sequences = items.map((i) => i.sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((x, y) => x - y));
  });

  test("a second read answers the same events with the same sequences", async () => {
    const head = await begun(of());
    await write(head, 2, [done(1)]);
    const once = await exactly(head.workspace, 2);
    await write(head, 3, [done(2)]);
    const again = await exactly(head.workspace, 3);
    expect(again.slice(0, 2)).toEqual(once);
  });

  test("a repeated write shows no event twice", async () => {
    const head = await begun(of());
    const batch = batchOf(2, of().now(), [done(1)]);
    for (let i = 0; i < 3; i++) await of().ports.executions.putBatch(head, head.run, batch, LIMIT);
    await write(head, 3, [done(2)]);
    await exactly(head.workspace, 3);
  });

  test("a reader resumes anywhere, also inside a batch, and any page size gives the same events", async () => {
    const head = await begun(of());
    await write(head, 2, [done(1), done(2), hidden, done(3)]);
    await write(head, 6, [hidden]);
    await write(head, 7, [done(4), done(5)]);
    const all = await exactly(head.workspace, 6);
    for (const [i, item] of all.entries()) {
      expect(await read(head.workspace, { after: item.sequence })).toEqual(all.slice(i + 1));
    }
    for (const limit of [1, 2, 4]) {
      const seen: FeedItem[] = [];
      for (;;) {
        const page = await read(head.workspace, { after: seen.at(-1)?.sequence ?? 0, limit });
        expect(page.length).toBeLessThanOrEqual(limit);
        if (page.length === 0) break;
        seen.push(...page);
      }
      expect(seen).toEqual(all);
    }
  });

  test("filters by execution, run and root tree", async () => {
    const workspace = uuid();
    const parent = await begun(of(), newRef(workspace));
    const child = await begun(of(), newRef(workspace), { root: parent.execution });
    await begun(of(), newRef(workspace));
    await write(child, 2, [done(1)]);
    await exactly(workspace, 4);
    await exactly(workspace, 2, { execution: child.execution });
    await exactly(workspace, 3, { root: parent.execution });
    await exactly(workspace, 1, { run: parent.run });
    await exactly(workspace, 0, { execution: "unknown" });
    await exactly(uuid(), 0, { execution: child.execution });
  });

  test("a filtered reader resumes by the same sequences", async () => {
    const workspace = uuid();
    const one = await begun(of(), newRef(workspace));
    const two = await begun(of(), newRef(workspace));
    await write(one, 2, [done(1)]);
    await write(two, 2, [done(1)]);
    const all = await exactly(workspace, 4);
    const mine = await exactly(workspace, 2, { execution: two.execution });
    expect(all).toEqual(expect.arrayContaining(mine));
    expect(await read(workspace, { execution: two.execution, after: mine[0]!.sequence })).toEqual(mine.slice(1));
  });

  test("the runs of one chain are of one execution, with different run ids", async () => {
    const head = await claimed(of(), await begun(of()));
    const run = uuid();
    const event: NewEvent = { kind: "execution_continued", run, workflow: head.workflow, input: null };
    const next = { ...head, run, continued_from: head.run };
    const batch = batchOf(2, of().now(), [event]);
    await of().ports.executions.close(head, { run: head.run, fence: head.fence, batch, next });
    const items = await exactly(head.workspace, 3, { execution: head.execution });
    expect(types(items)).toEqual([
      "WORKFLOW_EXECUTION_STARTED",
      "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
      "WORKFLOW_EXECUTION_STARTED",
    ]);
    expect(items[2]!.event.wire).toMatchObject({ workflow_run_id: run, continued_run_id: head.run });
  });

  test("published progress appears once, between the events written before and after it", async () => {
    const head = await begun(of());
    await of().eventually(async () => expect(await read(head.workspace)).toHaveLength(1));
    const events = [progress(head), progress(head)];
    const place = { id: "p1", at: of().now() };
    for (let n = 0; n < 2; n++) await of().ports.feed.publish(head, head.run, place, events);
    await exactly(head.workspace, 3);
    await write(head, 2, [done(1)]);
    const items = await exactly(head.workspace, 4);
    expect(ids(items).slice(1, 3)).toEqual(events.map((e) => e.wire.event_id));
    expect(items[1]!.event).toEqual(events[0]);
    await exactly(head.workspace, 2, { run: head.run, after: items[1]!.sequence });
    await exactly(uuid(), 0);
  });

  /** What a follower has answered once it has answered `n` events; it may have to look several times. */
  const followed = async (reader: FeedReader, n: number): Promise<FeedItem[]> => {
    const items: FeedItem[] = [];
    await of().eventually(async () => {
      items.push(...(await reader.next()).items);
      expect(items).toHaveLength(n);
    });
    return items;
  };

  test("a follower answers the events of its execution, each once, as they come", async () => {
    const workspace = uuid();
    const [mine, other] = [await begun(of(), newRef(workspace)), await begun(of(), newRef(workspace))];
    const reader = await of().ports.feed.follow(mine, { after: 0, limit: 100 });
    const seen = await followed(reader, 1);
    expect((await reader.next()).items).toEqual([]);
    await write(other, 2, [done(1)]);
    await write(mine, 2, [done(1)]);
    seen.push(...(await followed(reader, 1)));
    const place = { id: "p1", at: of().now() };
    for (let n = 0; n < 2; n++) await of().ports.feed.publish(mine, mine.run, place, [progress(mine)]);
    seen.push(...(await followed(reader, 1)));
    await write(mine, 3, [done(2)]);
    await write(other, 3, [done(2)]);
    await closed(of(), mine, 4);
    seen.push(...(await followed(reader, 2)));
    const { items, state } = await reader.next();
    expect([items, state]).toEqual([[], "current"]);
    expect(seen).toEqual(await exactly(workspace, 5, { execution: mine.execution }));
  });

  test("a follower that begins after any event answers those that came later", async () => {
    const workspace = uuid();
    const mine = await begun(of(), newRef(workspace));
    for (let n = 2; n < 5; n++) {
      await write(mine, n, [done(n)]);
      const place = { id: `p${n}`, at: of().now() };
      await of().ports.feed.publish(mine, mine.run, place, [progress(mine), progress(mine)]);
    }
    const all = await exactly(workspace, 10);
    for (const [i, { sequence }] of all.entries()) {
      const reader = await of().ports.feed.follow(mine, { after: sequence, limit: 2 });
      const seen = await followed(reader, all.length - 1 - i);
      expect(seen).toEqual(all.slice(i + 1));
      expect((await reader.next()).items).toEqual([]);
    }
  });

  test("a follower goes on with the run that continues its own, and with that of an execution that begins later", async () => {
    const ref = newRef();
    const reader = await of().ports.feed.follow(ref, { after: 0, limit: 100 });
    expect(await reader.next()).toEqual({ items: [], state: "current" });
    const head = await claimed(of(), await begun(of(), ref));
    expect(types(await followed(reader, 1))).toEqual(["WORKFLOW_EXECUTION_STARTED"]);
    const run = uuid();
    const event: NewEvent = { kind: "execution_continued", run, workflow: head.workflow, input: null };
    const next = { ...head, run, continued_from: head.run };
    await of().ports.executions.close(head, {
      run: head.run,
      fence: head.fence,
      batch: batchOf(2, of().now(), [event]),
      next,
    });
    await write({ ...head, run }, 2, [done(1)]);
    expect(types(await followed(reader, 3))).toEqual([
      "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
      "WORKFLOW_EXECUTION_STARTED",
      "ACTIVITY_TASK_COMPLETED",
    ]);
  });

  test("no event appears below a sequence that was read, however writers race", async () => {
    const workspace = uuid();
    const heads = await Promise.all(Array.from({ length: 5 }, () => begun(of(), newRef(workspace))));
    const seen: FeedItem[] = [];
    const poll = async () => {
      seen.push(...(await read(workspace, { after: seen.at(-1)?.sequence ?? 0 })));
    };
    for (let i = 0; i < 6; i++) {
      await Promise.all([...heads.map((h) => write(h, 2 + i, [done(i + 1)])), poll()]);
    }
    await of().eventually(async () => {
      await poll();
      expect(seen).toHaveLength(5 * 7);
    });
    expect(await read(workspace)).toEqual(seen);
    for (const head of heads) {
      const mine = seen.filter((i) => i.event.wire.workflow_run_id === head.run);
      expect(ids(mine)).toEqual([1, 2, 3, 4, 5, 6, 7].map((n) => eventId(head.run, n, 0)));
    }
  });
};
