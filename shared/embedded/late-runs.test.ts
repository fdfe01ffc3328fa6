import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryDatabase } from "../../test/contract/embedded-subject.ts";
import { batchOf, completed, finalOf, headOf, newRef } from "../../test/contract/subject.ts";
import { FAILURES, subjectOf } from "../core/rollups.ts";
import type { Head } from "../protocol/head.ts";
import type { NewEvent } from "../protocol/history.ts";
import { type Embedded, embedded } from "../server/embedded.ts";

const WORKSPACE = "w";
const AT = 3_600_000;
const failed: NewEvent = { kind: "execution_failed", failure: { message: "no", type: "Error" } as never };

function made() {
  const store = embedded();
  // A name for the table that the store does not know, so that a look at it moves nothing.
  store.database.run("CREATE TEMP VIEW moved AS SELECT * FROM runs");
  return store;
}

const start = async (store: Embedded, more: Partial<Head> = {}) => {
  const head = headOf({ ...newRef(), workspace: WORKSPACE }, AT, more);
  await store.executions.create(head, []);
  return head;
};
const close = (store: Embedded, head: Head, event: NewEvent = completed) => {
  const next = finalOf(head, AT, { status: event === failed ? "FAILED" : "COMPLETED" });
  return store.executions.close(head, { run: head.run, fence: 1, batch: batchOf(2, AT, [event]), next });
};
const places = ({ database }: Embedded) => ({
  late: database.one("SELECT COUNT(*) AS n FROM late_runs")!.n,
  moved: database.one("SELECT COUNT(*) AS n FROM moved")!.n,
});
const listed = async (store: Embedded) => {
  const query = { workspace: WORKSPACE, sortBy: "start_time", order: "asc", limit: 200 } as const;
  return (await store.executions.runs(query)).runs.map(({ status }) => status).sort();
};
const counted = async (store: Embedded, subject: string) => {
  const all = await store.rollups.read(WORKSPACE, { subject, size: "hour", from: 0, until: 2 ** 50 });
  return all.map(({ counts }) => counts);
};

test("a start and a close change one row that no index has, and a list shows the run as it is", async () => {
  const store = made();
  const head = await start(store);
  await close(store, head);
  await store.durable();
  expect(places(store)).toEqual({ late: 1, moved: 0 });
  expect(await listed(store)).toEqual(["COMPLETED"]);
  expect(places(store)).toEqual({ late: 0, moved: 1 });
  store.close();
});

test("a close of a run whose row was moved changes it there, and moves no other", async () => {
  const store = made();
  const first = await start(store);
  expect(await listed(store)).toEqual(["RUNNING"]);
  await start(store);
  await close(store, first);
  expect(places(store)).toEqual({ late: 1, moved: 1 });
  expect(store.database.one("SELECT status FROM moved")!.status).toBe("COMPLETED");
  expect(await listed(store)).toEqual(["COMPLETED", "RUNNING"]);
  store.close();
});

test("a run is found where its row is, and nothing moves", async () => {
  const store = made();
  const [moved, waits] = [await start(store), await start(store)];
  expect(await listed(store)).toHaveLength(2);
  const late = await start(store);
  await close(store, waits);
  await close(store, late);
  const statuses = [moved, waits, late].map(async ({ run }) => (await store.executions.run(WORKSPACE, run))?.status);
  expect(await Promise.all(statuses)).toEqual(["RUNNING", "COMPLETED", "COMPLETED"]);
  expect(await store.executions.run("another", late.run)).toBeNull();
  expect(places(store)).toEqual({ late: 1, moved: 2 });
  store.close();
});

test("64 rows of closed runs are moved, and those of open runs wait on, up to 192", async () => {
  const store = made();
  const open = await start(store);
  for (let i = 0; i < 63; i++) await close(store, await start(store));
  await store.durable();
  expect(places(store)).toEqual({ late: 64, moved: 0 });
  await close(store, await start(store));
  await store.durable();
  expect(places(store)).toEqual({ late: 1, moved: 64 });
  await close(store, open);
  for (let i = 0; i < 191; i++) await start(store);
  await store.durable();
  expect(places(store)).toEqual({ late: 192, moved: 64 });
  await start(store);
  await store.durable();
  expect(places(store)).toEqual({ late: 0, moved: 257 });
  expect(await counted(store, subjectOf(open.workflow))).toMatchObject([{ started: 257, completed: 65 }]);
  store.close();
});

test("a long row never waits", async () => {
  const store = made();
  await start(store, { input: "x".repeat(5_000) });
  expect(places(store)).toEqual({ late: 0, moved: 1 });
  store.close();
});

test("every run is counted once, whether its row was moved before its close, after it, or never waited", async () => {
  const store = made();
  const moved = await start(store);
  expect(await listed(store)).toEqual(["RUNNING"]);
  const waits = await start(store);
  const long = await start(store, { input: "x".repeat(5_000) });
  for (const head of [moved, waits, long]) await close(store, head, failed);
  const subject = subjectOf(moved.workflow);
  for (let i = 0; i < 2; i++) {
    expect(await counted(store, subject)).toMatchObject([{ started: 3, failed: 3 }]);
    expect(await counted(store, FAILURES)).toMatchObject([{ failed: 3 }]);
  }
  store.close();
});

test("a call that is undone takes back what it has put, changed and moved", async () => {
  const store = made();
  const [kept, open] = [await start(store), await start(store)];
  await close(store, kept, failed);
  const undone = () => {
    void start(store);
    void close(store, open);
    expect(store.database.all("SELECT run FROM runs")).toHaveLength(3);
    void start(store);
    throw new Error("undone");
  };
  expect(() => store.database.atomically(undone)).toThrow("undone");
  expect(places(store)).toEqual({ late: 2, moved: 0 });
  await start(store);
  expect(await counted(store, subjectOf(kept.workflow))).toMatchObject([{ started: 3, failed: 1 }]);
  expect(store.database.all("SELECT status FROM runs ORDER BY status")).toEqual(
    ["FAILED", "RUNNING", "RUNNING"].map((status) => ({ status })),
  );
  store.close();
});

/** Starts three runs, of which the first is moved, closes two, and is killed. */
const WRITER = `
  const { embedded } = await import(${JSON.stringify(new URL("../server/embedded.ts", import.meta.url).href)});
  const { batchOf, completed, finalOf, headOf, newRef } = await import(${JSON.stringify(new URL("../../test/contract/subject.ts", import.meta.url).href)});
  const store = embedded({ file: process.argv[1] });
  const heads = [];
  for (let i = 0; i < 3; i++) {
    heads.push(headOf({ ...newRef(), workspace: "w" }, ${AT}));
    await store.executions.create(heads[i], []);
    if (i === 0) store.database.all("SELECT run FROM runs");
  }
  for (const head of heads.slice(0, 2)) {
    const next = finalOf(head, ${AT});
    await store.executions.close(head, { run: head.run, fence: 1, batch: batchOf(2, ${AT}, [completed]), next });
  }
  await store.durable();
  process.kill(process.pid, "SIGKILL");
`;

test("what a killed process left is shown and counted once by the next one", async () => {
  const { file, remove } = temporaryDatabase();
  spawnSync(process.execPath, ["--input-type=module", "-e", WRITER, file], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    stdio: "inherit",
  });
  const store = embedded({ file });
  expect(store.database.all("SELECT status FROM late_runs ORDER BY id")).toEqual([
    { status: "COMPLETED" },
    { status: "RUNNING" },
  ]);
  const subject = subjectOf(headOf(newRef(), AT).workflow);
  expect(await counted(store, subject)).toMatchObject([{ started: 3, completed: 2 }]);
  expect(await listed(store)).toEqual(["COMPLETED", "COMPLETED", "RUNNING"]);
  store.close();
  const again = embedded({ file });
  expect(await counted(again, subject)).toMatchObject([{ started: 3, completed: 2 }]);
  again.close();
  remove();
});
