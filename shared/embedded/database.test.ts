import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { embedded } from "../server/embedded.ts";

test("a file of another format is refused with advice, and is not changed", () => {
  const folder = mkdtempSync(join(tmpdir(), "sirocco-database-"));
  const file = join(folder, "data.db");
  embedded({ file }).close();
  const raw = new DatabaseSync(file);
  raw.exec("PRAGMA user_version = 1");
  raw.close();
  expect(() => embedded({ file })).toThrow(/has format 1, this program reads format 2: use the version that wrote it/);
  const after = new DatabaseSync(file);
  expect(after.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  after.close();
  rmSync(folder, { recursive: true });
});
