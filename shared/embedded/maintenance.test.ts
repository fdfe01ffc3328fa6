/** Rounds of maintenance meet damaged rows. */
import { expect, test, vi } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { batchOf, headOf, newRef, uuid } from "../../test/contract/subject.ts";
import { createApi, createKey, DEFAULT_WORKSPACE } from "../api/index.ts";
import { deleteExecution } from "../engine/delete.ts";
import { DamagedExecution } from "../engine/force-close.ts";
import { addLogRecords } from "../engine/log-records.ts";
import { reset } from "../engine/reset.ts";
import { terminate } from "../engine/terminate.ts";
import type { Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import { type Embedded, embedded } from "../server/embedded.ts";
import { expireTombstones } from "./retention.ts";

const MINUTE = 60_000;

function made() {
  const clock = new ManualClock();
  const error = vi.fn();
  const store = embedded({ clock, log: { info: () => {}, warn: () => {}, error } });
  const start = async (over: object = {}) => {
    const head = headOf(newRef(DEFAULT_WORKSPACE), clock.now(), { wake_pending: false, ...over });
    await store.executions.create(head, []);
    return head;
  };
  return { clock, store, error, start };
}

/** An execution as a torn close once left it: its run has closed, its head still runs. */
async function torn({ store, clock, start }: ReturnType<typeof made>) {
  const head = await start({ deadline: clock.now() + MINUTE });
  const batch = batchOf(2, clock.now(), [{ kind: "execution_completed", result: null }]);
  await store.executions.putBatch(head, head.run, batch, 1e9);
  store.database.run("UPDATE runs SET status = 'COMPLETED', closed_at = 1, ends_at = 1 WHERE run = ?", head.run);
  return head;
}

test("damaged heads and runs are found at start-up, logged and set aside; the others are served", async () => {
  const m = made();
  const { store, error, clock, start } = m;
  const [closed, lost, headless, well] = [await torn(m), await start(), await start(), await start()];
  store.database.run("DELETE FROM runs WHERE run = ?", lost.run);
  store.database.run("DELETE FROM heads WHERE execution = ?", headless.execution);
  const stop = store.maintain(MINUTE);
  await clock.advance(2 * MINUTE);
  const found = error.mock.calls.filter(([message]) => message === "startup: an execution is damaged and is set aside");
  expect(found.map(([, fields]) => fields.execution).sort()).toEqual(
    [closed, lost, headless].map((head) => head.execution).sort(),
  );
  expect(found.map(([, fields]) => fields.wrong)).toContain(`it runs, but its run ${closed.run} is COMPLETED`);
  const api = createApi(store, { version: "1.0.0", url: "http://localhost" });
  const ask = { target: "/health", headers: {}, body: "", signal: new AbortController().signal };
  const health = await api.handle({ method: "GET", ...ask });
  expect(health.status).toBe(200);
  expect(JSON.parse((health as { body: string }).body)).toMatchObject({ status: "ok", version: "1.0.0", set_aside: 3 });
  const queue = { workspace: DEFAULT_WORKSPACE, deployment: "shop", queue: "workflow" } as const;
  const tasks = await store.tasks.receive(queue, { session: "s", max: 100, waitMs: 0 });
  expect(tasks.map(({ task }) => task.execution)).toEqual([well.execution]);
  stop();
  store.close();
});

test("terminate of an execution whose head runs on after its log has ended is refused and ends", async () => {
  const m = made();
  const head = await torn(m);
  await expect(terminate(m.store, head, { kind: "terminated", reason: null })).rejects.toThrow(DamagedExecution);
  const api = createApi(m.store, { version: "1.0.0", url: "http://localhost" });
  const { key } = await createKey(m.store, { workspace: DEFAULT_WORKSPACE, name: "admin" });
  const answer = await api.handle({
    method: "POST",
    target: `/v1/workflows/executions/${head.execution}/terminate`,
    headers: { authorization: `Bearer ${key}` },
    body: "",
    signal: new AbortController().signal,
  });
  expect(answer).toMatchObject({ status: 409, body: expect.stringContaining("is damaged: it runs, but the log") });
  m.store.close();
});

/** The store reads the head from its row again: a park without the fence changes nothing. */
async function notKnown({ executions }: Pick<Embedded, "executions">, ref: Ref): Promise<void> {
  expect(await executions.park(ref, { run: "none", fence: 0, dueAt: null, effectsDoneThrough: 1 })).toBe(false);
}

test("a head that cannot be read is set aside with growing pauses, and each round serves the others", async () => {
  const { store, clock, error, start } = made();
  const [bad, good] = [await start(), await start()];
  store.database.run("UPDATE heads SET body = '{', deadline = 1 WHERE execution = ?", bad.execution);
  store.database.run("UPDATE heads SET deadline = 1 WHERE execution = ?", good.execution);
  for (const head of [bad, good]) await notKnown(store, head);
  const failures = () => error.mock.calls.filter(([message]) => message.includes("is set aside")).length;
  await store.sweep(MINUTE);
  expect((await store.executions.head(good))?.status).toBe("TIMED_OUT");
  expect(store.condition!().setAside).toEqual([`${DEFAULT_WORKSPACE}/${bad.execution}`]);
  for (let i = 0; i < 5; i++) {
    await clock.advance(10_000);
    await store.sweep(10_000);
  }
  expect(failures()).toBe(1);
  await clock.advance(20_000);
  await store.sweep(10_000);
  expect(failures()).toBe(2);
  store.close();
});

test("a stage of a round that fails ends no other stage", async () => {
  const { store, clock, error, start } = made();
  const head = await start();
  const batch = batchOf(2, clock.now(), [{ kind: "execution_completed", result: null }]);
  const next = { ...head, status: "COMPLETED", closed_at: clock.now(), due_at: null } as const;
  await store.executions.close(head, { run: head.run, fence: null, batch, next });
  store.database.run("DROP TABLE schedule_log");
  await clock.advance(store.settings.retentionMs + MINUTE);
  await store.sweep(MINUTE);
  expect(await store.executions.run(head.workspace, head.run)).toBeNull();
  expect(error).toHaveBeenCalledWith(
    "sweep: a stage of the round failed, the others go on",
    expect.objectContaining({ stage: "old schedule logs" }),
  );
  store.close();
});

const refuseToDelete = (store: ReturnType<typeof made>["store"], run: string) =>
  store.database.run(
    `CREATE TRIGGER refuse BEFORE DELETE ON runs WHEN old.run = '${run}' BEGIN SELECT RAISE(ABORT, 'no'); END`,
  );

test("a run that retention cannot delete is set aside and the others are deleted", async () => {
  const { store, clock, start } = made();
  const heads = [await start(), await start(), await start()];
  for (const head of heads) {
    const batch = batchOf(2, clock.now(), [{ kind: "execution_completed", result: null }]);
    const next = { ...head, status: "COMPLETED", closed_at: clock.now(), due_at: null } as const;
    await store.executions.close(head, { run: head.run, fence: null, batch, next });
  }
  refuseToDelete(store, heads[1]!.run);
  await clock.advance(store.settings.retentionMs + MINUTE);
  await store.sweep(MINUTE);
  const left = store.database.all("SELECT run FROM runs").map((row) => row.run);
  expect(left).toEqual([heads[1]!.run]);
  expect(store.condition!().setAside).toEqual([`run ${heads[1]!.run}`]);
  store.close();
});

test("the log of a run that a reset prepared is deleted if its process died before it put the head", async () => {
  const { store, clock, start } = made();
  const head = await start();
  const dead = () => Promise.reject(new Error("killed"));
  const executions = new Proxy(store.executions, {
    get: (target, name) => (name === "close" ? dead : Reflect.get(target, name).bind(target)),
  });
  const to = { target: { to: "start" }, reason: null, excluded: [] } as const;
  await expect(reset({ ...store, executions }, head, to)).rejects.toThrow("killed");
  const done = await reset(store, head, to);
  const runs = () => store.database.all("SELECT DISTINCT run FROM log ORDER BY run").map(({ run }) => run);
  const kept = [head.run, done.kind === "reset" && done.head.run].toSorted();
  expect(runs()).toHaveLength(3);
  await store.sweep(MINUTE);
  expect(runs()).toHaveLength(3); // a reset may still be under way
  await clock.advance(61 * MINUTE);
  await store.sweep(MINUTE);
  expect(runs()).toEqual(kept);
  expect(store.database.all("SELECT * FROM prepared_runs")).toEqual([]);
  store.close();
});

test("a worker cannot name a duration whose end no number holds exactly", async () => {
  const { store, start } = made();
  const head = await start();
  const api = createApi(store, { version: "1.0.0", url: "http://localhost" });
  const { key } = await createKey(store, { workspace: DEFAULT_WORKSPACE, name: "admin" });
  const now = store.clock.now();
  const events = [
    {
      kind: "child_scheduled",
      child: 1,
      workflow: "w",
      execution: "c",
      input: null,
      on_parent_close: "terminate",
      timeout_ms: 2 ** 53 - 1,
    },
    { kind: "timer_started", timer: 1, fire_at: 2 ** 53 - 1 },
  ];
  for (const event of events) {
    const batch = { first: 2, events: [{ ...event, id: 2, at: now }], append_id: uuid() };
    const item = { execution: head.execution, run: head.run, chain: head.chain, fence: 1, batch, taken: [] };
    const answer = await api.handle({
      method: "POST",
      target: "/v1/worker/append",
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ items: [item] }),
      signal: new AbortController().signal,
    });
    expect(answer).toMatchObject({ status: 422, body: expect.stringContaining("expected number to be <=") });
  }
  store.close();
});

test("old tombstones are deleted in chunks, and none before its log", async () => {
  const { store } = made();
  const db = store.database;
  const add = (run: string, at: number, stored: number | null) =>
    db.run(
      "INSERT INTO deleted_runs (run, ws, execution, token, at, stored) VALUES (?, 'w', 'e', 't', ?, ?)",
      run,
      at,
      stored,
    );
  for (let i = 0; i < 1_200; i++) add(`old-${i}`, 1, null);
  add("young", 10, null);
  add("stored", 1, 1);
  const run = vi.spyOn(db, "run");
  await expireTombstones(db, 10);
  expect(run.mock.results.map(({ value }) => value)).toEqual([500, 500, 200]);
  expect(db.all("SELECT run FROM deleted_runs ORDER BY run").map(({ run }) => run)).toEqual(["stored", "young"]);
  store.close();
});

test("log records are deleted with their run, once its retention is over", async () => {
  const { store, clock, start } = made();
  const [closed, open] = [await start(), await start()];
  const line = { at: 1, level: "info", body: "b" } as const;
  for (const head of [closed, open]) {
    const from = { worker: "w", trace: "t" };
    await addLogRecords(store, head, from, { id: uuid(), records: [line], dropped: 0 });
  }
  const batch = batchOf(2, clock.now(), [{ kind: "execution_completed", result: null }]);
  const next = { ...closed, status: "COMPLETED", closed_at: clock.now(), due_at: null } as const;
  await store.executions.close(closed, { run: closed.run, fence: null, batch, next });
  await clock.advance(store.settings.retentionMs + MINUTE);
  await store.sweep(MINUTE);
  expect(await store.logRecords.last(closed)).toBeNull();
  expect(await store.logRecords.last(open)).toMatchObject({ run: open.run });
  store.close();
});

test("a deletion that dies after it has hidden the execution is finished by a round of maintenance", async () => {
  const { store, clock, start } = made();
  const head = await start();
  for (let first = 2; first < 1_500; first++) {
    const batch = batchOf(first, clock.now(), [{ kind: "timer_started", timer: first, fire_at: 1 } as never]);
    await store.executions.putBatch(head, head.run, batch, 1e9);
  }
  await terminate(store, head, { kind: "terminated", reason: null });
  const other = await start();
  const rows = () => store.database.all("SELECT run, count(*) AS n FROM log GROUP BY run ORDER BY n DESC");
  const before = rows();
  const dead = () => Promise.reject(new Error("killed"));
  const executions = new Proxy(store.executions, {
    get: (target, name) => (name === "erase" ? dead : Reflect.get(target, name).bind(target)),
  });
  await expect(deleteExecution({ ...store, executions }, head)).rejects.toThrow("killed");
  expect(rows()).toEqual(before);
  expect(await store.executions.head(head)).toBeNull();
  const shown = await store.feed.read(head.workspace, { after: 0, limit: 9 });
  expect(shown.items.map(({ event }) => event.wire.workflow_exec_id)).toEqual([other.execution]);
  await store.sweep(MINUTE);
  expect(rows()).toEqual([{ run: other.run, n: 1 }]);
  expect(await deleteExecution(store, head)).toEqual({ kind: "deleted" });
  await clock.advance(store.settings.retentionMs + MINUTE);
  await store.sweep(MINUTE);
  expect(store.database.all("SELECT * FROM deleted_runs")).toEqual([]);
  expect(await deleteExecution(store, head)).toEqual({ kind: "not_found" });
  store.close();
});

/** An execution that has continued so often, and is completed. */
async function continued(store: Embedded, clock: ManualClock, head: Head, times: number): Promise<Head> {
  let now = head;
  for (let i = 0; i < times; i++) {
    const next = { ...now, run: uuid(), fence: now.fence + 1, continued_from: now.run, search_keys: { n: `${i}` } };
    const event = { kind: "execution_continued", run: next.run, workflow: now.workflow, input: null } as never;
    await store.executions.close(now, { run: now.run, fence: null, batch: batchOf(2, clock.now(), [event]), next });
    now = (await store.executions.head(now))!;
  }
  const batch = batchOf(2, clock.now(), [{ kind: "execution_completed", result: null }]);
  const next = { ...now, status: "COMPLETED", closed_at: clock.now(), due_at: null } as const;
  await store.executions.close(now, { run: now.run, fence: null, batch, next });
  return (await store.executions.head(now))!;
}
const runsOf = ({ database }: Embedded, { execution }: Head) =>
  Number(database.one("SELECT count(*) AS n FROM runs WHERE execution = ?", execution)?.n);

test("an execution of many runs is hidden in chunks between which others are served, its head with the last of them", async () => {
  const { store, clock, start } = made();
  const head = await continued(store, clock, await start(), 120);
  const seen: [number, boolean][] = [];
  const durable = vi.spyOn(store.database, "durable").mockImplementation(async () => {
    seen.push([runsOf(store, head), (await store.executions.head(head)) !== null]);
  });
  expect(await store.executions.hide(head, head)).toBe(true);
  durable.mockRestore();
  expect(seen).toEqual([
    [71, true],
    [21, true],
  ]);
  expect([runsOf(store, head), await store.executions.head(head)]).toEqual([0, null]);
  expect(store.database.all("SELECT * FROM search_keys")).toEqual([]);
  await store.executions.erase(head, clock.now() + MINUTE);
  expect(store.database.all("SELECT * FROM log")).toEqual([]);
  store.close();
});

test("a start under the id between two chunks wins, and keeps the runs that are left", async () => {
  const { store, clock, start } = made();
  const head = await continued(store, clock, await start(), 120);
  const again = { ...head, run: uuid(), chain: uuid(), token: uuid(), status: "RUNNING", closed_at: null } as const;
  const durable = vi.spyOn(store.database, "durable").mockImplementationOnce(async () => {
    expect((await store.executions.create(again, ["COMPLETED"], head.run)).kind).toBe("created");
  });
  expect(await store.executions.hide(head, head)).toBe(false);
  durable.mockRestore();
  expect((await store.executions.head(head))?.run).toBe(again.run);
  expect(runsOf(store, head)).toBe(72);
  expect(await deleteExecution(store, head)).toMatchObject({ kind: "running" });
  store.close();
});

test("a deletion that waits no longer leaves the rest to the rounds, and a hide that fails writes nothing", async () => {
  const { store, clock, start } = made();
  const [head, bad] = [await start(), await start()];
  for (const each of [head, bad]) await terminate(store, each, { kind: "terminated", reason: null });
  const final = (await store.executions.head(head))!;
  await store.executions.hide(final, final);
  await store.executions.erase(final, clock.now());
  expect(store.database.all("SELECT DISTINCT run FROM log")).toHaveLength(2);
  await store.sweep(MINUTE);
  expect(store.database.all("SELECT DISTINCT run FROM log")).toEqual([{ run: bad.run }]);
  refuseToDelete(store, bad.run);
  await expect(deleteExecution(store, bad)).rejects.toThrow();
  expect((await store.executions.head(bad))?.status).toBe("TERMINATED");
  expect(store.database.all("SELECT run FROM deleted_runs")).toEqual([{ run: head.run }]);
  store.close();
});
