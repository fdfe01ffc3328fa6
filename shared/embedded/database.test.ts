import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { embedded } from "../server/embedded.ts";

test("a file of this format that was written before a column was added is opened, and keeps what is in it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sirocco-database-"));
  const file = join(folder, "data.db");
  const ref = { workspace: "w", execution: "x" };
  const first = embedded({ file });
  await first.activities.beat(ref, "run", 1, 2, "details", 1);
  first.close();
  const raw = new DatabaseSync(file);
  raw.exec("DROP INDEX tasks_expire; ALTER TABLE tasks DROP COLUMN expires_at;");
  raw.exec("ALTER TABLE activities DROP COLUMN attempt;");
  raw.close();
  for (const attempt of [1, 3]) {
    const again = embedded({ file });
    expect(await again.activities.lastBeat(ref, "run", 1)).toBe("details");
    expect(await again.activities.begin(ref, "run", 1, attempt, { queued: true })).toBe(true);
    await again.sweep(1_000);
    again.close();
  }
  rmSync(folder, { recursive: true });
});
