/** Data files that earlier formats have left, opened by the present program. `record.ts` made them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkBackup } from "../../shared/embedded/check-backup.ts";
import { VERSION } from "../../shared/embedded/migrations.ts";
import { embedded } from "../../shared/server/embedded.ts";
import { approve, installation, order, state } from "./installation.ts";

const recorded = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".sql"));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sirocco-formats-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A data file with what was recorded. */
function fileOf(name: string): string {
  const path = join(folder, "data.db");
  on(path, (db) => db.exec(readFileSync(join(import.meta.dirname, name), "utf8")));
  return path;
}

function on<T>(path: string, use: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path);
  try {
    return use(db);
  } finally {
    db.close();
  }
}

const formatOf = (path: string) => on(path, (db) => Number(db.prepare("PRAGMA user_version").get()!.user_version));
/** Tables and indexes, without the spaces and comments of their statements. */
const schemaOf = (path: string) =>
  on(path, (db) =>
    db
      .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
      .all()
      .map(({ name, sql }) => `${name}: ${String(sql).replaceAll(/--.*$/gm, "").replaceAll(/\s+/g, " ")}`),
  );

test("the formats before the present one are recorded, from the oldest that can be read on", () => {
  const numbers = recorded.map((name) => Number(name.match(/^format-(\d+)\.sql$/)![1])).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: VERSION - 3 }, (_, i) => i + 3));
});

describe.each(recorded)("%s", (name) => {
  test("has the tables and indexes of a new file once a server has opened it", () => {
    const old = fileOf(name);
    embedded({ file: old }).close();
    const made = join(folder, "new.db");
    embedded({ file: made }).close();
    expect(schemaOf(old)).toEqual(schemaOf(made));
    expect(formatOf(old)).toBe(VERSION);
  });

  test("goes on: a waiting execution takes its signal, a closed one has its result, a schedule is there", async () => {
    const now = await installation(fileOf(name));
    try {
      const waiting = now.client.execution("waiting", order);
      expect(await waiting.query(state)).toBe("waits");
      await waiting.signal(approve, { by: "bob" });
      expect(await waiting.result()).toBe("paid 500, approved by bob");
      expect(await now.client.execution("done", order).result()).toBe("paid 500, approved by ada");
      expect(await now.get("/v1/workflows/schedules/daily")).toMatchObject({ cron_expressions: ["0 9 * * *"] });
    } finally {
      await now.close();
    }
  });

  test("can be restored as a backup", () => {
    expect(() => checkBackup(fileOf(name))).not.toThrow();
  });
});

test("the step to format 8 keeps each row of the log, and leaves no long write-ahead log", () => {
  const file = fileOf("format-7.sql");
  const rows = () =>
    on(file, (db) =>
      db
        .prepare(
          "SELECT run, first, ws, seq, n, bytes, retries, batches, queued, messages, body FROM log ORDER BY run, first",
        )
        .all(),
    );
  const put = "INSERT INTO log VALUES (?, ?, 'another', ?, 2, 30, 4, 5, 6, 7, ?)";
  on(file, (db) => {
    for (let i = 0; i < 300; i++)
      db.prepare(put).run("a run", i + 1, i % 3 === 0 ? null : 10_000 - i, "x".repeat(i * 20));
  });
  const before = rows();
  expect(before).toHaveLength(307);
  const store = embedded({ file });
  expect(statSync(`${file}-wal`).size).toBeLessThan(100_000);
  store.close();
  expect(rows()).toEqual(before);
});

test("a step that fails leaves the file as it was, and says which", () => {
  const file = fileOf("format-3.sql");
  on(file, (db) => db.exec("DROP INDEX runs_closed"));
  const before = schemaOf(file);
  expect(() => embedded({ file })).toThrow(
    /could not be brought from format 3 to 4, and is as it was: .*no such index: runs_closed/,
  );
  expect(formatOf(file)).toBe(3);
  expect(schemaOf(file)).toEqual(before);
});

test.each([
  [2, "and this program reads formats 3 to"],
  [VERSION + 1, `which is newer than format ${VERSION} of this program`],
])("format %s is refused with advice, and the file is not changed", (format, advice) => {
  const file = fileOf("format-3.sql");
  on(file, (db) => db.exec(`PRAGMA user_version = ${format}`));
  const before = schemaOf(file);
  expect(() => embedded({ file })).toThrow(advice);
  expect(() => checkBackup(file)).toThrow(advice);
  expect(formatOf(file)).toBe(format);
  expect(schemaOf(file)).toEqual(before);
});
