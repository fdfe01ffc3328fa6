import { expect, test, vi } from "vitest";
import { batchOf, completed, finalOf, headOf, newRef } from "../../test/contract/subject.ts";
import { Readable } from "../lib/readable.ts";
import type { Executions, Ref } from "../ports.ts";
import type { NewEvent } from "../protocol/history.ts";
import { embedded } from "../server/embedded.ts";
import { EmbeddedExecutions } from "./executions.ts";
import { Notifier } from "./notifier.ts";
import { EmbeddedRollups } from "./rollups.ts";
import { EmbeddedSchedules } from "./schedules.ts";
import { Sequence } from "./sequence.ts";

function made() {
  const store = embedded();
  const { database: db, clock, executions } = store;
  /** Knows nothing yet. */
  const other = () =>
    new EmbeddedExecutions({
      db,
      sequence: new Sequence(db),
      notifier: new Notifier(clock, db),
      rollups: new EmbeddedRollups({ db, clock, retentionMs: 1, readable: new Readable(() => {}) }),
      schedules: new EmbeddedSchedules(db, new Readable(() => {})),
      clock,
      readable: new Readable(() => {}),
    });
  const stored = (ref: Ref) => other().head(ref);
  const same = async (ref: Ref) => {
    const head = await executions.head(ref);
    expect(head).toEqual(await stored(ref));
    return head;
  };
  return { store, executions, db, same, other };
}

test("after each write the head is that of the row, also where it was read before", async () => {
  const { store, executions, same } = made();
  const ref = newRef();
  const first = headOf(ref, 1, {
    outbox: [{ kind: "tell_schedule", schedule: "s", status: "COMPLETED", failure: null }],
  });
  await executions.create(first, []);
  await same(ref);
  const { deployment } = first;
  const claiming = { dueAt: 9, keepAfter: 0, session: "s", deployment, bytes: 1_000_000, again: true };
  const claimed = await store.executions.claimWoken!(ref, claiming);
  expect(await same(ref)).toEqual(claimed!.head);
  await executions.requestWake(ref, first.chain, 20);
  expect(await same(ref)).toMatchObject({ wake_pending: true });
  expect(await executions.claimWoken!(ref, { ...claiming, session: "s3" })).toBeNull();
  expect(await executions.claimWoken!(ref, { ...claiming, again: false })).toBeNull();
  const woken = await executions.claimWoken!(ref, claiming);
  expect(await same(ref)).toEqual(woken!.head);
  const again = (await executions.claim(ref, { dueAt: 30, session: "s2" }))!;
  expect(await same(ref)).toEqual(again);
  await executions.clearOutbox(ref, again);
  expect(await same(ref)).toMatchObject({ outbox: [] });
  const inputs = { since: 5, open: [] } as never;
  expect(await executions.setOpenInputs(ref, first.run, { seen: undefined, next: inputs })).toBe(true);
  expect(await same(ref)).toMatchObject({ open_inputs: inputs });
  await executions.setSearchKeys(ref, first.run, { city: "Graz" });
  expect(await same(ref)).toMatchObject({ search_keys: { city: "Graz" } });
  await executions.park(ref, { run: first.run, fence: again.fence, dueAt: 99, effectsDoneThrough: 1 });
  const parked = (await same(ref))!;
  expect(parked.due_at).toBe(99);
  const close = { run: first.run, fence: parked.fence, batch: batchOf(2, 1, [completed]), next: finalOf(parked, 1) };
  expect(await executions.close(ref, close)).toEqual({ kind: "closed" });
  const final = (await same(ref))!;
  expect(final).toMatchObject({ status: "COMPLETED", cost: { worker_calls: expect.any(Number) } });
  expect(await executions.hide(ref, final)).toBe(true);
  expect(await same(ref)).toBeNull();
  store.close();
});

test("a run costs the same, whether its head is remembered or read", async () => {
  const { store, executions, other } = made();
  const costOf = async (reader: () => Executions) => {
    const ref = newRef();
    const head = headOf(ref, 1);
    await executions.create(head, []);
    const claiming = {
      dueAt: 9,
      keepAfter: 5,
      session: "s",
      deployment: head.deployment,
      bytes: 1_000_000,
      again: false,
    };
    const claimed = (await reader().claimWoken!(ref, claiming))!.head;
    expect(await reader().inbox(ref, head.chain)).toEqual([]);
    const close = {
      run: head.run,
      fence: claimed.fence,
      batch: batchOf(2, 1, [completed]),
      next: finalOf(claimed, 1),
    };
    expect(await reader().close(ref, close)).toEqual({ kind: "closed" });
    return (await other().head(ref))!.cost;
  };
  const read = await costOf(other);
  expect(read).toMatchObject({ worker_calls: 2, tasks: 1 });
  expect(await costOf(() => executions)).toEqual(read);
  store.close();
});

test("the first claim of a remembered head is refused where that of its row would be", async () => {
  const { store, executions, other, same } = made();
  const claiming = { dueAt: 9, keepAfter: 5, session: "s", deployment: "d", bytes: 1_000_000, again: false };
  for (const wrong of [{ deployment: "another" }, { bytes: 10 }]) {
    const ref = newRef();
    const head = headOf(ref, 1, { deployment: "d" });
    await executions.create(head, []);
    expect(await executions.claimWoken!(ref, { ...claiming, ...wrong })).toBeNull();
    expect(await other().claimWoken!(ref, { ...claiming, ...wrong })).toBeNull();
    expect(await same(ref)).toEqual(head);
    expect((await executions.claimWoken!(ref, claiming))!.head).toMatchObject({ fence: 2, owner: "s", due_at: 9 });
    expect(await executions.claimWoken!(ref, claiming)).toBeNull();
  }
  store.close();
});

test("a close that is undone leaves the head as it was", async () => {
  const { store, executions, same } = made();
  const [ref, other] = [newRef(), newRef()];
  const [head, used] = [headOf(ref, 1), headOf(other, 1)];
  await executions.create(head, []);
  await executions.create(used, []);
  await same(ref);
  const event = { kind: "execution_continued", run: used.run, workflow: "w", input: null } as const;
  const p = { run: head.run, fence: null, batch: batchOf(2, 1, [event]), next: { ...head, run: used.run } };
  await expect(executions.close(ref, p)).rejects.toThrow(/UNIQUE/);
  expect(await same(ref)).toMatchObject({ run: head.run, status: "RUNNING" });
  store.close();
});

test("retention takes the head away", async () => {
  const { store, executions, db, same } = made();
  const ref = newRef();
  const head = headOf(ref, 1);
  await executions.create(head, []);
  await executions.close(ref, {
    run: head.run,
    fence: null,
    batch: batchOf(2, 1, [completed]),
    next: finalOf(head, 1),
  });
  await same(ref);
  const read = db.one("SELECT count(*) AS n FROM heads");
  expect(read).toEqual({ n: 1 });
  await store.sweep(1_000);
  expect(await same(ref)).toBeNull();
  store.close();
});

test("a head with a long input is read from its row each time", async () => {
  const { store, executions, same } = made();
  const ref = newRef();
  await executions.create(headOf(ref, 1, { input: "x".repeat(10_000) }), []);
  const [one, two] = [await same(ref), await same(ref)];
  expect(one).not.toBe(two);
  store.close();
});

test("a log goes on as its last row says, whether its end is remembered or read", async () => {
  const { store, executions, db, other } = made();
  const [known, read] = [newRef(), newRef()];
  const rows = (run: string) =>
    db.all("SELECT first, n, bytes, retries, batches, queued, messages FROM log WHERE run = ? ORDER BY first", run);
  const [a, b] = [headOf(known, 1, { input: "same" }), headOf(read, 1, { input: "same" })];
  await executions.create(a, []);
  await executions.create(b, []);
  const started = (activity: number, where: string) =>
    ({ kind: "activity_scheduled", activity, name: "charge", input: {}, where, options: {} }) as never;
  const batches = [batchOf(2, 1, [started(1, "queue"), started(2, "queue")]), batchOf(4, 2, [started(3, "queue")])];
  for (const batch of batches) {
    expect(await executions.putBatch(known, a.run, batch, 1_000_000)).toEqual({ kind: "written" });
    expect(await other().putBatch(read, b.run, batch, 1_000_000)).toEqual({ kind: "written" });
    expect(await executions.putBatch(known, a.run, batch, 1_000_000)).toEqual({ kind: "taken", by: batch });
  }
  const counts = (run: string) => rows(run).slice(1);
  const from = (run: string) =>
    counts(run).map((row) => ({ ...row, bytes: Number(row.bytes) - Number(rows(run)[0]!.bytes) }));
  expect(from(a.run)).toEqual(from(b.run));
  expect(counts(a.run).at(-1)).toMatchObject({ batches: 2, queued: 3, messages: 3 });
  expect(await executions.putBatch(known, a.run, batchOf(9, 3, [started(4, "queue")]), 1_000_000)).toEqual({
    kind: "taken",
    by: null,
  });
  expect(await executions.putBatch(known, a.run, batchOf(5, 3, [started(4, "queue")]), 10)).toMatchObject({
    kind: "full",
  });
  expect(rows(a.run)).toHaveLength(3);
  const close = { run: a.run, fence: null, batch: batchOf(5, 1, [completed]), next: finalOf(a, 1) };
  expect(await executions.close(known, close)).toEqual({ kind: "closed" });
  expect(await executions.putBatch(known, a.run, batchOf(5, 3, [started(4, "queue")]), 1_000_000)).toMatchObject({
    kind: "taken",
    by: { append_id: close.batch.append_id },
  });
  store.close();
});

test("executions of two workspaces with one id have each their own head", async () => {
  const { store, executions, same } = made();
  const [one, two] = [newRef(), newRef()];
  const other = { workspace: two.workspace, execution: one.execution };
  await executions.create(headOf(one, 1, { input: "one" }), []);
  await executions.create(headOf(other, 1, { input: "two" }), []);
  expect(await same(one)).toMatchObject({ input: "one" });
  expect(await same(other)).toMatchObject({ input: "two" });
  expect(await same(one)).toMatchObject({ input: "one" });
  store.close();
});

test("a start with a new id is written without a read, and changes nothing of an execution that has the id", async () => {
  const { executions, other, db, same } = made();
  const ref = newRef();
  const reads = vi.spyOn(db, "one");
  const first = headOf(ref, 1);
  expect(await executions.createNew!(first)).toBe(true);
  expect(reads.mock.calls.filter(([sql]) => sql.includes("FROM heads"))).toEqual([]);
  expect(await same(ref)).toEqual(first);
  const again = headOf(ref, 2);
  expect(await executions.createNew!(again)).toBe(false);
  expect(await other().createNew(again)).toBe(false);
  expect(await same(ref)).toEqual(first);
  expect(await executions.run(ref.workspace, again.run)).toBeNull();
  expect(await executions.batches(ref, again.run, 0)).toEqual([]);
  expect(await executions.putBatch(ref, first.run, batchOf(2, 1, [completed]), 1e9)).toEqual({ kind: "written" });
});

test("a start whose run cannot be written leaves no head", async () => {
  const { executions, other } = made();
  const [one, two] = [newRef(), newRef()];
  const first = headOf(one, 1);
  await executions.createNew!(first);
  await expect(executions.createNew!({ ...headOf(two, 1), run: first.run })).rejects.toThrow(/UNIQUE/);
  expect(await executions.head(two)).toBeNull();
  expect(await other().head(two)).toBeNull();
});

test("after a batch that could not be written, the end of the log is read", async () => {
  const { executions, db } = made();
  const ref = newRef();
  const { run } = headOf(ref, 1);
  await executions.create({ ...headOf(ref, 1), run }, []);
  const batch = (first: number) => batchOf(first, 1, [completed]);
  db.run("CREATE TEMP TRIGGER refuse BEFORE INSERT ON log BEGIN SELECT RAISE(ABORT, 'refused'); END");
  await expect(executions.putBatch(ref, run, batch(2), 1e9)).rejects.toThrow(/refused/);
  db.run("DROP TRIGGER refuse");
  const claiming = { dueAt: 9, keepAfter: 0, session: "s", deployment: headOf(ref, 1).deployment };
  expect((await executions.claimWoken!(ref, { ...claiming, bytes: 1e6, again: false }))!.tail).toBe(1);
  expect(await executions.putBatch(ref, run, batch(0), 1e9)).toEqual({ kind: "taken", by: null });
  expect(await executions.putBatch(ref, run, batch(2), 1e9)).toEqual({ kind: "written" });
  expect(await executions.putBatch(ref, run, batch(3), 1e9)).toEqual({ kind: "written" });
});

test("a claim that comes with a task tells the end of the log, whether it is known or not", async () => {
  const { store, executions, other } = made();
  const ref = newRef();
  const head = headOf(ref, 1);
  await executions.create(head, []);
  const claiming = { dueAt: 9, keepAfter: 0, session: "s", deployment: head.deployment, bytes: 1_000_000, again: true };
  const tails = [(await executions.claimWoken!(ref, claiming))!.tail];
  const event: NewEvent = { kind: "search_keys_set", set: {}, remove: [] };
  await executions.putBatch(ref, head.run, batchOf(2, 1, [event, event]), 1e6);
  for (const each of [executions, other()]) {
    await executions.requestWake(ref, head.chain, 20);
    tails.push((await each.claimWoken!(ref, claiming))!.tail);
  }
  expect(tails).toEqual([1, 3, 3]);
  store.close();
});
