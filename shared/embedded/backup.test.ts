/** Copies of a database that is written to. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backup } from "../ports.ts";
import { EmbeddedBackup } from "./backup.ts";
import { checkBackup } from "./check-backup.ts";
import { Database } from "./database.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sirocco-backup-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const ACCOUNTS = 10_000;

let made = 0;
/** Accounts on some 5,000 pages, so that the first commit is followed by a checkpoint. Their sum is 0 in every consistent state, because each write moves 1 from one to another. */
async function store() {
  made += 1;
  const path = join(folder, `${made}`);
  const file = `${path}.db`;
  const database = new Database(file);
  database.run("CREATE TABLE moved (times INTEGER)");
  database.run("INSERT INTO moved VALUES (0)");
  database.run("CREATE TABLE accounts (n INTEGER PRIMARY KEY, balance INTEGER, padding TEXT)");
  for (let n = 0; n < ACCOUNTS; n++) database.run("INSERT INTO accounts VALUES (?, 0, ?)", n, "x".repeat(1_800));
  await database.durable();
  let n = 0;
  const other = () => {
    n = (n + 3_571) % ACCOUNTS; // every account once in each round
    return n;
  };
  const write = () => {
    database.run("UPDATE accounts SET balance = balance - 1 WHERE n = ?", other());
    database.run("UPDATE accounts SET balance = balance + 1 WHERE n = ?", other());
    database.run("UPDATE moved SET times = times + 1");
  };
  const writeMany = (times: number) => {
    for (let i = 0; i < times; i++) write();
    return database.durable();
  };
  return { path, file, database, write, writeMany, backup: new EmbeddedBackup(database, file, () => `${made}`) };
}

async function copied(backup: EmbeddedBackup): Promise<Backup> {
  const copy = await backup.copy();
  if (copy === "another is there") throw new Error(copy);
  return copy;
}

async function kept(copy: Backup, name: string): Promise<string> {
  const path = `${name}.copy`;
  const to = await open(path, "w");
  let bytes = 0;
  for await (const chunk of copy.chunks) {
    await to.writeFile(chunk);
    bytes += chunk.length;
  }
  await to.close();
  expect(bytes).toBe(copy.bytes);
  return path;
}

/** How often a copy says that something was moved. */
function movedIn(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true });
  const one = (sql: string) => Object.values(db.prepare(sql).get() as object)[0];
  expect(one("PRAGMA integrity_check")).toBe("ok");
  expect(one("SELECT sum(balance) FROM accounts")).toBe(0);
  const moved = Number(one("SELECT times FROM moved"));
  db.close();
  return moved;
}

const moved = (database: Database) => Number(database.one("SELECT times FROM moved")?.times);

test("a copy made while commits and checkpoints follow each other is one state, with all that was committed before", async () => {
  const s = await store();
  let going = true;
  const writing = (async () => {
    while (going) await s.writeMany(50);
  })();
  for (let round = 0; round < 3; round++) {
    const before = moved(s.database);
    const copy = await copied(s.backup);
    expect(moved(s.database)).toBeGreaterThan(before);
    expect(movedIn(await kept(copy, s.path))).toBeGreaterThanOrEqual(before);
  }
  going = false;
  await writing;
  s.database.close();
});

test("a large commit while the log is copied does not overwrite it, although a checkpoint had emptied it", async () => {
  const s = await store();
  s.database.holdCheckpoints(true);
  for (let i = 0; i < 300; i++) await s.writeMany(10); // a log of several parts, with many commits in each
  // From here on the next commit may begin the log anew.
  expect(s.database.one("PRAGMA wal_checkpoint(PASSIVE)")).toMatchObject({ busy: 0 });
  let copying = true;
  const writing = (async () => {
    const log = join(folder, `backup-${made}.tmp-wal`);
    while (copying && !(existsSync(log) && statSync(log).size > 0)) await setImmediate(); // its first part is copied
    await s.writeMany(3_000);
  })();
  const copy = await copied(s.backup);
  copying = false;
  await writing;
  expect(movedIn(await kept(copy, s.path))).toBe(3_000);
  s.database.close();
});

test("a copy has a commit that was acknowledged just before it, and no second process gets into the database afterwards", async () => {
  const s = await store();
  await s.writeMany(1);
  expect(movedIn(await kept(await copied(s.backup), s.path))).toBe(1);
  const code = `new (require("node:sqlite").DatabaseSync)(${JSON.stringify(s.file)}).exec("SELECT * FROM moved")`;
  const second = spawnSync(process.execPath, ["-e", code], { encoding: "utf8" });
  expect([second.status, second.stderr]).toEqual([1, expect.stringContaining("database is locked")]);
  s.database.close();
});

test("checkpoints go on after a copy, and after one that failed", async () => {
  const s = await store();
  await kept(await copied(s.backup), s.path);
  const broken = new EmbeddedBackup(s.database, s.file, () => "no/such/folder");
  await expect(broken.copy()).rejects.toThrow(/ENOENT/);
  const { size } = statSync(s.file);
  s.database.run("INSERT INTO accounts VALUES (?, 0, ?)", ACCOUNTS, "x".repeat(20_000_000)); // a long log
  await s.database.durable();
  expect(statSync(s.file).size).toBeGreaterThan(size + 20_000_000);
  s.database.close();
});

test("nothing stays beside the database: after a copy that was read, and after one whose reader stopped", async () => {
  const s = await store();
  await kept(await copied(s.backup), s.path);
  for await (const _ of (await copied(s.backup)).chunks) break;
  expect(readdirSync(folder).filter((name) => name.startsWith("backup-"))).toEqual([]);
  s.database.close();
});

test("a second copy is refused until the first one has been dropped, and one that is aborted leaves nothing", async () => {
  const s = await store();
  const first = await copied(s.backup);
  expect(await s.backup.copy()).toBe("another is there");
  await first.drop();
  await expect(s.backup.copy(AbortSignal.abort("stopped"))).rejects.toBe("stopped");
  const abort = new AbortController();
  const copying = s.backup.copy(abort.signal);
  abort.abort("stopped");
  await expect(copying).rejects.toBe("stopped");
  expect(readdirSync(folder).filter((name) => name.startsWith("backup-"))).toEqual([]);
  await kept(await copied(s.backup), s.path);
  s.database.close();
});

test("a file that is no copy is refused with the reason", () => {
  const path = join(folder, "text");
  writeFileSync(path, "this is a text that is longer than the header of a database ".repeat(20));
  expect(() => checkBackup(path)).toThrow(/not a database/);
  const foreign = join(folder, "foreign.db");
  const db = new DatabaseSync(foreign);
  db.exec("CREATE TABLE t (n)");
  expect(() => checkBackup(foreign)).toThrow("it is no database of Sirocco");
  db.exec("PRAGMA user_version = 77");
  db.close();
  expect(() => checkBackup(foreign)).toThrow("it has format 77");
});
