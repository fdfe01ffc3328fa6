/** A store has all committed data after it was closed and opened again. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { CLOSED_STATUSES } from "../../shared/protocol/status.ts";
import {
  type Bench,
  batchOf,
  begun,
  bench,
  claimed,
  closed,
  definition,
  headOf,
  LIMIT,
  type MakeSubject,
  newRef,
  scheduled,
  signal,
  uuid,
  workflowTask,
} from "./subject.ts";

export function reopenContract(makePorts: MakeSubject): void {
  let b: Bench;
  beforeAll(async () => {
    b = bench(await makePorts());
  });
  afterAll(() => b.end?.());

  const reopen = async () => {
    await b.ports.durable();
    const ports = await b.reopen!();
    b = bench({ ...b, ports });
  };

  test("heads, logs, inboxes, runs and due entries", async () => {
    const open = await claimed(b, await begun(b));
    const batch = batchOf(2, b.now(), [scheduled(1)]);
    await b.ports.executions.putBatch(open, open.run, batch, LIMIT);
    await b.ports.executions.putMessage(open, open.chain, signal("s", b.now()));
    const final = await closed(b, await begun(b, newRef(open.workspace)));
    await reopen();
    expect(await b.ports.executions.head(open)).toEqual(open);
    expect(await b.ports.executions.head(final)).toEqual(final);
    expect(await b.ports.executions.batches(open, open.run, 1)).toEqual([batch]);
    expect(await b.ports.executions.inbox(open, open.chain)).toMatchObject([{ id: "signal#s" }]);
    const q = { workspace: open.workspace, sortBy: "start_time", order: "asc", limit: 9 } as const;
    expect((await b.ports.executions.runs(q)).runs.map((r) => r.run).sort()).toEqual([open.run, final.run].sort());
    const due = await b.ports.executions.due(open.due_at!, 10_000);
    expect(due.map((e) => e.execution)).toContain(open.execution);
  });

  test("conditions hold across it: a taken position, an old fence, a repeated start", async () => {
    const head = await claimed(b, await begun(b));
    const batch = batchOf(2, b.now(), [scheduled(1)]);
    await b.ports.executions.putBatch(head, head.run, batch, LIMIT);
    await reopen();
    const again = await b.ports.executions.putBatch(head, head.run, batch, LIMIT);
    expect(again).toEqual({ kind: "taken", by: batch });
    expect((await b.ports.executions.create(headOf(head, b.now()), CLOSED_STATUSES)).kind).toBe("exists");
    await claimed(b, head);
    const p = { run: head.run, fence: head.fence, dueAt: null, effectsDoneThrough: 1 };
    expect(await b.ports.executions.park(head, p)).toBe(false);
  });

  test("tasks, their leases and their counts", async () => {
    const queue = { workspace: uuid(), deployment: "d", queue: "workflow" } as const;
    await b.ports.tasks.send(queue, workflowTask("waiting"));
    await b.ports.tasks.send(queue, workflowTask("later"), { at: b.now() + 5_000 });
    const take = () => b.ports.tasks.receive(queue, { session: "s", max: 10, waitMs: 0 });
    const [held] = await take();
    await reopen();
    expect(await take()).toEqual([]);
    await b.pass(5_000);
    expect((await take()).map((d) => d.task.execution)).toEqual(["later"]);
    expect(await b.ports.tasks.extend(queue.workspace, [held!.receipt], 1_000)).toEqual([]);
    await b.pass(1_500);
    expect(await take()).toMatchObject([{ task: workflowTask("waiting"), attempt: 2 }]);
  });

  test("the feed, whose sequences are never used again", async () => {
    const workspace = uuid();
    await begun(b, newRef(workspace));
    const before = (await b.ports.feed.read(workspace, { after: 0, limit: 9 })).items;
    const last = await b.ports.feed.last(workspace);
    await reopen();
    expect((await b.ports.feed.read(workspace, { after: 0, limit: 9 })).items).toEqual(before);
    await begun(b, newRef(workspace));
    const after = (await b.ports.feed.read(workspace, { after: before.at(-1)!.sequence, limit: 9 })).items;
    expect(after).toHaveLength(1);
    expect(after[0]!.sequence).toBeGreaterThan(last);
  });

  test("the registry: registrations, sessions, keys", async () => {
    const p = { workspace: uuid(), deployment: "d", worker: "w", session: uuid() };
    await b.ports.registry.register({ ...p, definitions: [definition("orders")], now: b.now() });
    const key = { hash: uuid(), workspace: p.workspace, rights: ["read"] as const, name: "n", createdAt: 1 };
    await b.ports.registry.putKey(key);
    await reopen();
    expect(await b.ports.registry.registrations(p.workspace)).toHaveLength(1);
    expect(await b.ports.registry.beat({ ...p, now: b.now() })).toBe(true);
    expect(await b.ports.registry.key(key.hash)).toEqual(key);
  });

  test("facts about activities", async () => {
    const head = await begun(b);
    await b.ports.activities.begin({ ref: head, run: head.run, activity: 1, attempt: 1, queued: true, now: b.now() });
    await b.ports.activities.beat({
      ref: head,
      run: head.run,
      activity: 1,
      attempt: 1,
      details: { at: 3 },
      now: b.now(),
    });
    await b.ports.activities.requestCancel({ ref: head, run: head.run, activity: 1 });
    await reopen();
    expect(await b.ports.activities.begun({ ref: head, run: head.run, activities: [1] })).toEqual([1]);
    expect(await b.ports.activities.lastBeat({ ref: head, run: head.run, activity: 1 })).toEqual({ at: 3 });
    expect((await b.ports.activities.status({ ref: head, run: head.run, activity: 1 })).cancelRequested).toBe(true);
  });
}
