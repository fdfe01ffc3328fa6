/**
 * Writes a data file of the present format as SQL text: `node test/formats/record.ts > test/formats/format-N.sql`. Run it
 * once, before the format changes, and never change the result: `formats.test.ts` opens all such files with the present program.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { approve, installation, order, state } from "./installation.ts";

const folder = mkdtempSync(join(tmpdir(), "sirocco-format-"));
try {
  const file = join(folder, "data.db");
  const made = await installation(file);
  const [done, waiting] = await Promise.all(
    ["done", "waiting"].map((id) => made.client.start(order, { cents: 500 }, { id })),
  );
  await done!.signal(approve, { by: "ada" });
  await done!.result();
  while ((await waiting!.query(state)) !== "waits");
  const schedule = { input: { cents: 1 }, cron_expressions: ["0 9 * * *"] };
  await made.post("/v1/workflows/schedules", { schedule_id: "daily", workflow_identifier: "order", schedule });
  await made.post("/v1/workflows/schedules/daily/pause", {});
  await made.close();
  process.stdout.write(sqlOf(file));
} finally {
  rmSync(folder, { recursive: true });
}

function sqlOf(file: string): string {
  const db = new DatabaseSync(file, { readOnly: true });
  const lines = [`PRAGMA user_version = ${db.prepare("PRAGMA user_version").get()!.user_version};`];
  const parts = db.prepare("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").all();
  for (const { type, name, sql } of parts) {
    lines.push(`${sql};`);
    if (type === "table") lines.push(...rowsOf(db, String(name)));
  }
  lines.push(...rowsOf(db, "sqlite_sequence"));
  return `${lines.join("\n")}\n`;
}

function rowsOf(db: DatabaseSync, table: string): string[] {
  const literal = (value: unknown) => (typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : String(value));
  const rows = db.prepare(`SELECT * FROM ${table}`).all();
  return rows.map((row) => `INSERT INTO ${table} VALUES (${Object.values(row).map(literal).join(", ")});`);
}
