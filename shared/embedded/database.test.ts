import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryDatabase } from "../../test/contract/embedded-subject.ts";
import { batchOf, completed, finalOf, headOf, newRef } from "../../test/contract/subject.ts";
import { createApi } from "../api/index.ts";
import { startedRun, subjectOf } from "../core/rollups.ts";
import { Readable } from "../lib/readable.ts";
import { StoreFailed } from "../ports.ts";
import { embedded } from "../server/embedded.ts";
import { Database } from "./database.ts";
import { EmbeddedRollups } from "./rollups.ts";

/** The syncs in threads, while a test holds them: what ends them. The inodes of files that were synced in the event loop, once a test asks. */
const syncs = vi.hoisted(() => ({
  held: null as ((error: Error | null) => void)[] | null,
  now: null as number[] | null,
}));
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  const fdatasync = (fd: number, done: (error: Error | null) => void) =>
    syncs.held ? syncs.held.push(done) : fs.fdatasync(fd, done);
  const fdatasyncSync = (fd: number) => {
    syncs.now?.push(fs.fstatSync(fd).ino);
    fs.fdatasyncSync(fd);
  };
  return { ...fs, fdatasync, fdatasyncSync };
});

describe("a call that throws", () => {
  test("undoes its own writes and keeps those of other calls in the same transaction", async () => {
    const store = embedded();
    const [kept, torn] = [newRef(), newRef()];
    const [one, two] = [headOf(kept, 1), headOf(torn, 1)];
    await store.executions.create(one, []);
    await store.executions.create(two, []);
    const event = { kind: "execution_continued", run: one.run, workflow: "w", input: null } as const;
    const p = { run: two.run, fence: null, batch: batchOf(2, 1, [event]), next: { ...two, run: one.run } };
    await expect(store.executions.close(torn, p)).rejects.toThrow(/UNIQUE/);
    await store.durable();
    expect(await store.executions.head(torn)).toEqual(two);
    expect(await store.executions.batches(torn, two.run, 1)).toEqual([]);
    expect(await store.executions.run(torn.workspace, two.run)).toMatchObject({ status: "RUNNING" });
    expect(await store.executions.head(kept)).toEqual(one);
    store.close();
  });

  test("undoes only the inner one of two nested calls", async () => {
    const db = new Database(":memory:");
    const put = (name: string) => db.run("INSERT INTO meta (name, value) VALUES (?, 1)", name);
    db.atomically(() => {
      put("a");
      expect(() =>
        db.atomically(() => {
          put("b");
          put("a");
        }),
      ).toThrow(/UNIQUE/);
      put("c");
    });
    await db.durable();
    expect(db.all("SELECT name FROM meta ORDER BY name").map((row) => row.name)).toEqual(["a", "c"]);
    db.close();
  });
});

describe("a transaction for which nobody waits", () => {
  const put = (db: Database, name: string) => db.run("INSERT INTO meta (name, value) VALUES (?, 1)", name);
  const turn = () => new Promise((ok) => setImmediate(ok));

  test.each([
    ["waits for the disk", (db: Database) => void db.durable()],
    ["is to be woken after it", (db: Database) => db.afterCommit(() => {})],
  ])("stays open over iterations of the event loop until a caller %s", async (_, wait) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }); // otherwise it may be committed meanwhile
    const db = new Database(":memory:");
    put(db, "a");
    await turn();
    put(db, "b");
    await turn();
    expect(db.commits).toBe(0);
    wait(db);
    await turn();
    expect(db.commits).toBe(1);
    db.close();
    vi.useRealTimers();
  });

  test("is committed by itself soon, and is in the file after the store was closed", async () => {
    const { file, remove } = temporaryDatabase();
    const db = new Database(file);
    put(db, "a");
    await vi.waitFor(() => expect(db.commits).toBe(1), { interval: 1, timeout: 5_000 });
    put(db, "b");
    db.close();
    const again = new Database(file);
    expect(again.all("SELECT name FROM meta ORDER BY name")).toEqual([{ name: "a" }, { name: "b" }]);
    again.close();
    remove();
  });
});

describe("writes that wait for the commit", () => {
  const put = (db: Database, name: string) => db.run("INSERT INTO meta (name, value) VALUES (?, 1)", name);
  const names = (db: Database) => db.all("SELECT name FROM meta ORDER BY name").map((row) => row.name);

  test("are made once, in the same transaction, without those of a call that was undone", async () => {
    const db = new Database(":memory:");
    const made: string[] = [];
    const wait = (name: string) => db.beforeCommit(() => void made.push(name));
    put(db, "a");
    wait("a");
    db.atomically(() => wait("b"));
    expect(() =>
      db.atomically(() => {
        wait("undone");
        put(db, "a");
      }),
    ).toThrow(/UNIQUE/);
    db.beforeCommit(() => db.beforeCommit(() => put(db, "last")));
    expect([made, names(db)]).toEqual([[], ["a"]]);
    await db.durable();
    expect([made, names(db), db.commits]).toEqual([["a", "b"], ["a", "last"], 1]);
    db.close();
  });

  test("fail the store when they fail: no call is kept without what it adds", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sirocco-database-"));
    const file = join(folder, "data.db");
    const db = new Database(file);
    const onFailure = vi.fn();
    db.onFailure = onFailure;
    put(db, "a");
    db.beforeCommit(() => void put(db, "a"));
    await expect(db.durable()).rejects.toThrow(StoreFailed);
    expect(onFailure).toHaveBeenCalledTimes(1);
    db.close();
    const after = new Database(file);
    expect(names(after)).toEqual([]);
    after.close();
    rmSync(folder, { recursive: true });
  });

  test("of the counts of runs are one for each bucket, however many runs a transaction starts, and a read sees them", async () => {
    const store = embedded();
    const workspace = "w";
    const written = vi.spyOn(store.database, "run");
    const heads = Array.from({ length: 20 }, () => headOf({ ...newRef(), workspace }, store.clock.now()));
    for (const head of heads) await store.executions.create(head, []);
    const read = () =>
      store.rollups.read(workspace, { subject: subjectOf(heads[0]!.workflow), size: "hour", from: 0, until: 2 ** 50 });
    const counted = async () => (await read()).map(({ counts }) => counts.started);
    const rows = () => written.mock.calls.filter(([sql]) => sql.includes("INTO rollups")).length;
    expect(rows()).toBe(0);
    await store.durable();
    expect([rows(), await counted(), rows()]).toEqual([0, [20], 2]); // LATERUN-3
    await store.executions.create(headOf({ ...newRef(), workspace }, heads[0]!.started_at), []);
    expect(await counted()).toEqual([21]);
    await store.durable();
    store.close();
  });

  test.each([
    "{",
    "null",
    "5",
    "{}",
    '{"counts":null}',
    '{"counts":{"started":"x"}}',
  ])("of the counts of runs replace a row that cannot be read: %s", async (damage) => {
    const store = embedded();
    const readable = new Readable(() => {});
    const { workspace, workflow, started_at } = headOf(newRef(), store.clock.now());
    const rollups = () =>
      new EmbeddedRollups({ db: store.database, clock: store.clock, retentionMs: 1_000_000, readable }); // knows no row yet
    rollups().add(workspace, [startedRun({ workflow, started_at })]);
    await store.durable();
    expect(store.database.run("UPDATE rollups SET body = ?", damage)).toBe(2);
    rollups().add(workspace, [startedRun({ workflow, started_at })]);
    await store.durable();
    const range = { subject: subjectOf(workflow), size: "hour", from: 0, until: 2 ** 50 } as const;
    expect((await store.rollups.read(workspace, range)).map(({ counts }) => counts)).toEqual([{ started: 1 }]);
    store.close();
  });
});

describe("while the log is synced", () => {
  const put = (db: Database, name: string) => db.run("INSERT INTO meta (name, value) VALUES (?, 1)", name);
  const names = (db: Database) => db.all("SELECT name FROM meta ORDER BY name").map((row) => row.name);
  const iteration = () => new Promise((resolve) => setImmediate(resolve));
  let folder: string;
  let db: Database;
  let told: string[];
  /** Three callers wait for a commit: the sync is left to a thread. */
  const manyWait = (name: string) => {
    for (let i = 0; i < 3; i++) {
      void db.durable().then(
        () => told.push(name),
        (error: Error) => told.push(`${name}: ${error.message}`),
      );
    }
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sirocco-database-"));
    db = new Database(join(folder, "data.db"));
    told = [];
    syncs.held = [];
  });
  afterEach(() => {
    syncs.held = null;
    db.close();
    rmSync(folder, { recursive: true });
  });

  test("nobody is answered or woken, also who has only read, and the next transaction is filled and not committed", async () => {
    put(db, "a");
    manyWait("a");
    db.afterCommit(() => told.push("woken"));
    await iteration();
    expect([db.commits, syncs.held!.length, told]).toEqual([1, 1, []]);
    expect(names(db)).toEqual(["a"]);
    manyWait("read");
    db.afterCommit(() => told.push("woken too"));
    put(db, "b");
    manyWait("b");
    await iteration();
    await iteration();
    expect([db.commits, syncs.held!.length, told]).toEqual([1, 1, []]);
    syncs.held![0]!(null);
    await iteration();
    expect(told).toEqual(["woken", "woken too", "a", "a", "a", "read", "read", "read"]);
    expect([db.commits, syncs.held!.length]).toEqual([2, 2]);
    syncs.held![1]!(null);
    await iteration();
    expect(told.slice(8)).toEqual(["b", "b", "b"]);
    await db.durable();
  });

  test("a power cut leaves the commit before, and at most one commit more", async () => {
    const file = join(folder, "data.db");
    put(db, "a");
    await db.durable();
    const before = join(folder, "before.db");
    copyFileSync(file, before);
    copyFileSync(`${file}-wal`, `${before}-wal`);
    put(db, "b");
    manyWait("b");
    await iteration();
    put(db, "c");
    manyWait("c");
    await iteration();
    const after = join(folder, "after.db");
    copyFileSync(file, after);
    copyFileSync(`${file}-wal`, `${after}-wal`);
    for (const [path, found] of [
      [before, ["a"]],
      [after, ["a", "b"]],
    ] as const) {
      const restarted = new Database(path);
      expect([names(restarted), restarted.damage]).toEqual([found, null]);
      restarted.close();
    }
    expect(told).toEqual([]);
  });

  test("its failure fails the store: callers of this and of the next transaction are rejected, and nothing is tried again", async () => {
    const onFailure = vi.fn();
    db.onFailure = onFailure;
    put(db, "a");
    manyWait("a");
    db.afterCommit(() => told.push("woken"));
    await iteration();
    put(db, "b");
    manyWait("b");
    syncs.held![0]!(new Error("EIO: i/o error, fdatasync"));
    await iteration();
    const failed = (name: string) => `${name}: the store has failed: EIO: i/o error, fdatasync`;
    expect(told).toEqual(["a", "a", "a", "b", "b", "b"].map(failed));
    expect(() => put(db, "c")).toThrow(StoreFailed);
    expect([onFailure.mock.calls.length, db.commits, syncs.held!.length]).toEqual([1, 1, 1]);
  });

  test("a close waits for the disk, answers the callers, and commits what waits", async () => {
    put(db, "a");
    manyWait("a");
    await iteration();
    put(db, "b");
    manyWait("b");
    db.close();
    syncs.held![0]!(null); // the thread ends later
    await iteration();
    db = new Database(join(folder, "data.db")); // closed after the test
    expect([names(db), told]).toEqual([
      ["a", "b"],
      ["a", "a", "a", "b", "b", "b"],
    ]);
  });

  test("few callers are answered without a thread", async () => {
    put(db, "a");
    await db.durable();
    expect([db.commits, syncs.held!.length]).toEqual([1, 0]);
  });

  test("one caller with the steps of many executions leaves the event loop to others", async () => {
    for (let i = 0; i < 50; i++) put(db, `step ${i}`);
    const one = db.durable();
    await iteration();
    expect([db.commits, syncs.held!.length]).toEqual([1, 1]);
    syncs.held![0]!(null);
    await one;
  });
});

describe("after a commit that makes the log long", () => {
  const count = (db: Database) => Number(db.one("SELECT COUNT(*) AS n FROM meta")!.n);
  const iteration = () => new Promise((resolve) => setImmediate(resolve));
  /** Which round of the log this is: each begins with other numbers. */
  const round = () => readFileSync(`${file}-wal`).subarray(12, 24).toString("hex");
  const put = (name: string, value = "") => db.run("INSERT INTO meta (name, value) VALUES (?, ?)", name, value);
  const putMuch = (name: string) => put(name, "x".repeat(20_000_000));
  let folder: string;
  let file: string;
  let db: Database;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sirocco-database-"));
    file = join(folder, "data.db");
    db = new Database(file);
    syncs.held = [];
  });
  afterEach(() => {
    syncs.held = null;
    db.close();
    rmSync(folder, { recursive: true });
  });

  test("its callers are answered, and nothing is committed before the disk has the file", async () => {
    putMuch("a");
    await db.durable();
    expect(syncs.held).toHaveLength(1); // that of the file
    expect(statSync(file).size).toBeGreaterThan(20_000_000);
    const first = round();
    put("b");
    let answered = false;
    void db.durable().then(() => {
      answered = true;
    });
    await iteration();
    await iteration();
    expect([count(db), db.commits, answered, round()]).toEqual([2, 1, false, first]);
    syncs.held![0]!(null);
    await db.durable();
    expect([db.commits, answered]).toEqual([2, true]);
    expect(round()).not.toBe(first);
    put("c");
    await db.durable();
    expect([count(db), syncs.held!.length]).toEqual([3, 1]); // frames of the last round make this one no longer
  });

  test("a power cut before the disk has the file costs nothing: the log has all", async () => {
    const empty = readFileSync(file);
    putMuch("a");
    await db.durable();
    put("b");
    await iteration();
    const left = join(folder, "left.db");
    writeFileSync(left, empty);
    copyFileSync(`${file}-wal`, `${left}-wal`);
    const restarted = new Database(left);
    expect([count(restarted), restarted.damage]).toEqual([1, null]);
    restarted.close();
    syncs.held![0]!(null);
    await db.durable();
  });

  test("a file that the disk refuses fails the store, and a close leaves the log where it is", async () => {
    const onFailure = vi.fn();
    db.onFailure = onFailure;
    putMuch("a");
    await db.durable();
    put("b");
    const pending = db.durable();
    syncs.held![0]!(new Error("EIO: i/o error, fdatasync"));
    await expect(pending).rejects.toThrow("the store has failed: EIO: i/o error, fdatasync");
    expect(() => put("c")).toThrow(StoreFailed);
    expect(onFailure).toHaveBeenCalledTimes(1);
    db.close();
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(20_000_000);
  });

  test.each([
    "thread",
    "close",
  ])("a process that ends after the disk refused the file in a %s leaves the log", (where) => {
    const other = join(folder, "other.db");
    const code = `
      import fs from "node:fs";
      import { syncBuiltinESMExports } from "node:module";
      const refused = Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
      const isFile = (fd) => fs.fstatSync(fd).ino === fs.statSync(${JSON.stringify(other)}).ino;
      const sync = fs.fdatasyncSync;
      fs.fdatasync = (_fd, done) => ${where === "thread"} && setTimeout(done, 1, refused);
      fs.fdatasyncSync = (fd) => { if (isFile(fd)) throw refused; sync(fd); };
      syncBuiltinESMExports();
      const { Database } = await import(${JSON.stringify(new URL("database.ts", import.meta.url).href)});
      const db = new Database(${JSON.stringify(other)});
      db.run("INSERT INTO meta (name, value) VALUES ('a', ?)", "x".repeat(20_000_000));
      await db.durable();
      await new Promise((resolve) => setTimeout(resolve, 20));
      try { db.close(); } catch {}
      process.exitCode = 3;`;
    const ended = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
    expect(ended).toMatchObject({ status: 3, stderr: "" });
    expect(statSync(`${other}-wal`).size).toBeGreaterThan(20_000_000);
  });

  test("a store that the disk refused in a thread of the process: the process is killed, and leaves the log", () => {
    const other = join(folder, "thread.db");
    const thread = `
      const fs = require("node:fs");
      const refused = Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
      fs.fdatasync = (_fd, done) => setTimeout(done, 1, refused);
      require("node:module").syncBuiltinESMExports();
      import(${JSON.stringify(new URL("database.ts", import.meta.url).href)}).then(async ({ Database }) => {
        const db = new Database(${JSON.stringify(other)});
        db.run("INSERT INTO meta (name, value) VALUES ('a', ?)", "x".repeat(20_000_000));
        await db.durable();
        await new Promise((resolve) => setTimeout(resolve, 20));
        db.close();
      });`;
    const code = `new (require("node:worker_threads").Worker)(${JSON.stringify(thread)}, { eval: true });`;
    const ended = spawnSync(process.execPath, ["-e", code], { encoding: "utf8" });
    expect(ended).toMatchObject({ signal: "SIGKILL", stderr: "" });
    expect(statSync(`${other}-wal`).size).toBeGreaterThan(20_000_000);
  });

  test("a close syncs the file before SQLite deletes the log", async () => {
    putMuch("a");
    await db.durable();
    const { ino } = statSync(file);
    syncs.now = [];
    db.close();
    expect(syncs.now).toEqual([ino]);
    syncs.held![0]!(null); // the thread ends later
    db = new Database(file); // closed after the test
    expect(count(db)).toBe(1);
  });

  test("no page is copied while checkpoints are held", async () => {
    db.holdCheckpoints(true);
    putMuch("a");
    await db.durable();
    expect([syncs.held!.length, statSync(file).size < 1_000_000]).toEqual([0, true]);
    db.holdCheckpoints(false);
    put("b");
    await db.durable();
    expect(syncs.held).toHaveLength(1);
    syncs.held![0]!(null);
  });
});

describe("a statement that fails because the disk is full", () => {
  /** A store whose file may not grow. */
  const full = () => {
    const onFailure = vi.fn();
    const store = embedded({ onFailure });
    const fill = async () => {
      const { page_count } = store.database.one("PRAGMA page_count")!;
      store.database.one(`PRAGMA max_page_count = ${page_count}`);
      for (;;) {
        const head = headOf(newRef(), 1, { input: "x".repeat(10_000) });
        await store.executions.create(head, []);
      }
    };
    return { store, fill, onFailure };
  };

  test("rejects all pending and all later calls, reads included, and reports the failure once", async () => {
    const { store, fill, onFailure } = full();
    const head = headOf(newRef(), 1);
    await store.executions.create(head, []);
    const pending = store.durable();
    await expect(fill()).rejects.toThrow(StoreFailed);
    await expect(pending).rejects.toThrow(/the store has failed: database or disk is full/);
    await expect(store.executions.head(head)).rejects.toThrow(StoreFailed);
    await expect(store.durable()).rejects.toThrow(StoreFailed);
    const close = { run: head.run, fence: null, batch: batchOf(2, 1, [completed]), next: finalOf(head, 1) };
    await expect(store.executions.close(head, close)).rejects.toThrow(StoreFailed);
    expect(onFailure).toHaveBeenCalledTimes(1);
    store.close();
  });

  test("is answered with 503 and a sentence from then on, by /health as well", async () => {
    const { store, fill } = full();
    const api = createApi(store, { version: "1.0.0", url: "http://localhost" });
    const { createKey, DEFAULT_WORKSPACE } = await import("../api/index.ts");
    const { key } = await createKey(store, { workspace: DEFAULT_WORKSPACE, name: "test" });
    const get = (target: string) =>
      api.handle({
        method: "GET",
        target,
        headers: { authorization: `Bearer ${key}` },
        body: "",
        signal: new AbortController().signal,
      });
    expect(await get("/health")).toMatchObject({ status: 200 });
    await expect(fill()).rejects.toThrow(StoreFailed);
    for (const target of ["/health", "/v1/workflows/runs", "/v1/workflows/executions/x"]) {
      const answer = await get(target);
      expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "5" } });
      expect(answer).toMatchObject({ body: expect.stringContaining("database or disk is full") });
    }
    store.close();
  });
});

test("a number beyond those that JavaScript holds exactly is read as the nearest one", async () => {
  const store = embedded();
  const head = headOf(newRef(), 1, { deadline: 2 ** 53 + 2, due_at: 1 });
  await store.executions.create(head, []);
  expect(await store.executions.due(5, 9)).toMatchObject([{ execution: head.execution, deadline: 2 ** 53 + 2 }]);
  store.close();
});
