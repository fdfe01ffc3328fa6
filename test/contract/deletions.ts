import { expect, test } from "vitest";
import { presentProgress } from "../../shared/core/present.ts";
import { deleteExecution } from "../../shared/engine/delete.ts";
import { addLogRecords } from "../../shared/engine/log-records.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { CLOSED_STATUSES } from "../../shared/protocol/status.ts";
import {
  type Bench,
  batchOf,
  begun,
  claimed,
  closed,
  finalOf,
  headOf,
  LIMIT,
  newRef,
  scheduled,
  signal,
  uuid,
} from "./subject.ts";
import type { Contract } from "./suite.ts";

/** An execution with everything that can be stored of it, closed in its second run. */
async function full(b: Bench, over: Partial<Head> = {}): Promise<{ final: Head; past: Head; token: string }> {
  const { executions, activities, feed } = b.ports;
  const head = await begun(b, newRef(), { search_keys: { customer: "4711" }, ...over });
  await executions.putBatch(head, head.run, batchOf(2, b.now(), [scheduled(1)]), LIMIT);
  await activities.begin({ ref: head, run: head.run, activity: 1, attempt: 1, queued: true, now: b.now() });
  await activities.beat({ ref: head, run: head.run, activity: 1, attempt: 1, details: { at: 3 }, now: b.now() });
  const progress = { event: "in_progress", task: "t", task_type: "tokens", attributes: {}, at: b.now() } as const;
  const shown = presentProgress(head, progress, { id: 1, name: "charge" }, uuid());
  await feed.publish(head, head.run, { id: "p", at: b.now() }, [shown]);
  await logged(b, head);
  await executions.putMessage(head, head.chain, signal("late", b.now(), "secret"));
  const next: Head = {
    ...head,
    run: uuid(),
    continued_from: head.run,
    started_at: b.now(),
    fence: head.fence + 1,
  };
  const event = { kind: "execution_continued", run: next.run, workflow: next.workflow, input: { n: 2 } } as const;
  const batch = batchOf(3, b.now(), [event as never]);
  const done = await executions.close(head, { run: head.run, fence: null, batch, next });
  expect(done).toEqual({ kind: "closed" });
  const second = (await executions.head(head))!;
  return { final: await closed(b, second), past: head, token: head.token };
}

const logged = (b: Bench, head: Head) => {
  const records = [{ at: b.now(), level: "info", body: "a secret" } as const];
  return addLogRecords(b.ports, head, { worker: "w", trace: "a".repeat(32) }, { id: uuid(), records, dropped: 0 });
};

const seenOf = ({ run, fence }: Head) => ({ run, fence });

export const deletionContract: Contract = (of) => {
  test("a hidden execution is gone from every read, with all its runs, and others are not", async () => {
    const b = of();
    const { executions, feed } = b.ports;
    const { final, past } = await full(b);
    const other = await closed(b, await begun(b, newRef(final.workspace)));
    const q = { workspace: final.workspace, sortBy: "start_time", order: "asc", limit: 9 } as const;
    await b.eventually(async () => expect((await executions.runs(q)).runs).toHaveLength(3));
    expect(await executions.hide(final, seenOf(final))).toBe(true);
    expect(await executions.head(final)).toBeNull();
    expect(await executions.run(final.workspace, final.run)).toBeNull();
    expect(await executions.run(final.workspace, past.run)).toBeNull();
    expect((await executions.runs(q)).runs.map(({ run }) => run)).toEqual([other.run]);
    expect((await feed.read(final.workspace, { after: 0, limit: 99, execution: final.execution })).items).toEqual([]);
    expect((await feed.read(final.workspace, { after: 0, limit: 99, run: past.run })).items).toEqual([]);
    expect(await executions.head(other)).toEqual(other);
  });

  test("what is erased is not stored any more, and erasing again changes nothing", async () => {
    const b = of();
    const { executions, activities, logRecords } = b.ports;
    const { final, past } = await full(b);
    await executions.hide(final, seenOf(final));
    for (let i = 0; i < 2; i++) {
      await executions.erase(final, b.now() + 60_000);
      for (const { run, chain } of [past, final]) {
        expect(await executions.batches(final, run, 1)).toEqual([]);
        expect(await executions.inbox(final, chain)).toEqual([]);
      }
      expect(await activities.report({ ref: final, run: past.run, activity: 1 })).toBeNull();
      expect(await logRecords.ofExecution(final, { order: "asc" })).toEqual([]);
    }
  });

  test("an execution is hidden only if its head is final, not due, and of the run and fence that were seen", async () => {
    const b = of();
    const { executions } = b.ports;
    const open = await begun(b);
    expect(await executions.hide(open, seenOf(open))).toBe(false);
    const outbox = [{ kind: "tell_schedule" as const, schedule: "s", status: "COMPLETED" as const, failure: null }];
    const due = await closed(b, await begun(b), 2, { outbox, due_at: b.now() });
    expect(await executions.hide(due, seenOf(due))).toBe(false);
    const final = await closed(b, await begun(b));
    expect(await executions.hide(final, { run: uuid(), fence: final.fence })).toBe(false);
    expect(await executions.hide(final, { run: final.run, fence: final.fence - 1 })).toBe(false);
    expect(await executions.hide(newRef(), seenOf(final))).toBe(false);
    expect(await executions.head(final)).toEqual(final);
    expect(await executions.deletedAt(final)).toBeNull();
  });

  test("of a hide, a reset and a start over the same head one wins", async () => {
    const b = of();
    const { executions } = b.ports;
    for (let i = 0; i < 3; i++) {
      const final = await closed(b, await begun(b));
      const reset = { from: final.run, at: b.now(), origins: [{ run: final.run, through: 1 }], began_at: b.now() };
      const next = { ...final, run: uuid(), status: "RUNNING", due_at: b.now(), closed_at: null, reset } as const;
      await executions.prepare(next, [batchOf(2, b.now(), [scheduled(1)])]);
      const again = headOf(final, b.now());
      const [hidden, reopened, started] = await Promise.all([
        executions.hide(final, seenOf(final)),
        executions.reopen(next, final),
        executions.create(again, CLOSED_STATUSES, final.run),
      ]);
      const head = await executions.head(final);
      // A start comes after a deletion as well as instead of it.
      expect([hidden, reopened, started.kind === "created" && !hidden].filter(Boolean)).toHaveLength(1);
      expect(head?.run ?? null).toBe(reopened ? next.run : started.kind === "created" ? again.run : null);
    }
  });

  test("the id may be started again, shows nothing of what was deleted, and an eraser that lags takes nothing of it", async () => {
    const b = of();
    const { executions, logRecords } = b.ports;
    const { final, past } = await full(b);
    await executions.hide(final, seenOf(final)); // and its caller died
    const head = await begun(b, final);
    const batch = batchOf(2, b.now(), [scheduled(1)]);
    await executions.putBatch(head, head.run, batch, LIMIT);
    await executions.putMessage(head, head.chain, signal("s", b.now()));
    await logged(b, head);
    expect(await executions.run(final.workspace, past.run)).toBeNull();
    expect(await executions.run(final.workspace, final.run)).toBeNull();
    await executions.erase(final, b.now() + 60_000);
    expect(await executions.head(final)).toEqual(head);
    expect(await executions.batches(head, head.run, 1)).toEqual([batch]);
    expect(await executions.inbox(head, head.chain)).toMatchObject([{ id: "signal#s" }]);
    expect((await logRecords.ofExecution(head, { order: "asc" })).map(({ run }) => run)).toEqual([head.run]);
    expect(await executions.batches(final, past.run, 1)).toEqual([]);
    const end = await closed(b, await claimed(b, head), 3);
    expect(await executions.hide(end, seenOf(end))).toBe(true);
  });

  test("a repeated start of a deleted execution is told so, also after another start", async () => {
    const b = of();
    const { executions } = b.ports;
    const { final, token } = await full(b);
    await executions.hide(final, seenOf(final));
    await executions.erase(final, b.now() + 60_000);
    const repeated = headOf(final, b.now(), { token });
    expect(await executions.create(repeated, [])).toEqual({ kind: "deleted" });
    expect(await executions.head(final)).toBeNull();
    const other = await closed(b, await begun(b, final));
    expect(await executions.create(repeated, CLOSED_STATUSES)).toEqual({ kind: "deleted" });
    expect(await executions.head(final)).toEqual(other);
    const fresh = headOf(final, b.now());
    expect(await executions.create(fresh, CLOSED_STATUSES)).toEqual({ kind: "created" });
  });

  test("the tombstone tells when the execution was deleted, until its id is started again", async () => {
    const b = of();
    const { executions } = b.ports;
    const final = await closed(b, await begun(b));
    const before = b.now();
    expect(await executions.deletedAt(final)).toBeNull();
    await executions.hide(final, seenOf(final));
    expect(await executions.deletedAt(final)).toBeGreaterThanOrEqual(before - 1_000);
    await executions.erase(final, b.now() + 60_000);
    expect(await executions.deletedAt(final)).not.toBeNull();
    await begun(b, final);
    expect(await executions.deletedAt(final)).toBeNull();
  });

  test("senders, claims and appends find nothing at a deleted execution, and leave nothing that is read", async () => {
    const b = of();
    const { executions } = b.ports;
    const { final } = await full(b);
    await executions.hide(final, seenOf(final));
    await executions.erase(final, b.now() + 60_000);
    const wake = await executions.requestWake(final, final.chain, b.now());
    expect(wake).toEqual({ kind: "refused", head: null });
    expect(await executions.claim(final, { dueAt: b.now(), session: "s" })).toBeNull();
    const close = { run: final.run, fence: null, batch: batchOf(3, b.now(), []), next: finalOf(final, b.now()) };
    expect((await executions.close(final, close)).kind).not.toBe("closed");
    await executions.setSearchKeys(final, final.run, { customer: "4712" });
    await executions.clearOutbox(final, final);
    expect(await executions.head(final)).toBeNull();
    expect(await executions.run(final.workspace, final.run)).toBeNull();
  });

  test("the counts of its runs stay, and the example of its failure is taken out of them", async () => {
    const b = of();
    const head = await begun(b);
    const failure = { type: "CardError", message: "the card of Ada is refused" };
    const batch = batchOf(2, b.now(), [{ kind: "execution_failed", failure } as never]);
    const next = finalOf(head, b.now(), { status: "FAILED", result: null, failure: failure.message });
    await b.ports.executions.close(head, { run: head.run, fence: null, batch, next });
    const hour = 3_600_000;
    const from = Math.floor(b.now() / hour) * hour;
    const read = () =>
      b.ports.rollups.read(head.workspace, {
        subject: "failures",
        size: "hour",
        from: from - hour,
        until: from + 2 * hour,
      });
    await b.eventually(async () => expect(await read()).toMatchObject([{ counts: { failed: 1 }, failure }]));
    expect(await deleteExecution(b.ports, head)).toEqual({ kind: "deleted" });
    const [bucket] = await read();
    expect(bucket).toMatchObject({ counts: { failed: 1 }, failure: { execution: null, run: null, type: "CardError" } });
    expect(JSON.stringify(bucket)).not.toContain("Ada");
  });

  test("a delete answers the same when it is repeated, and refuses what runs or was never there", async () => {
    const b = of();
    const open = await begun(b);
    expect(await deleteExecution(b.ports, open)).toEqual({ kind: "running", head: open });
    expect(await deleteExecution(b.ports, newRef(open.workspace))).toEqual({ kind: "not_found" });
    const final = await closed(b, open);
    expect(await deleteExecution(b.ports, final, uuid())).toEqual({ kind: "another", head: final });
    for (let i = 0; i < 2; i++) expect(await deleteExecution(b.ports, final)).toEqual({ kind: "deleted" });
  });
};
