/** How long a server on one machine keeps what has closed, and that a steady load reaches a steady size. */
import { expect, test } from "vitest";
import { settingsOf } from "../../cli/dev/settings.ts";
import { type World, world } from "./support/world.ts";

const DAY = 86_400_000;
const flags = { retention: undefined, lease: undefined, "session-timeout": undefined, liveness: undefined };

async function closed(w: World, id: string, key?: string) {
  const body = { execution_id: id, input: { text: "x".repeat(3_000) }, ...(key && { idempotency_key: key }) };
  expect((await w.ask("POST", "/v1/workflows/orders/execute", { body })).status).toBe(200);
  const signal = { name: "approve", input: { by: "ada" } };
  await w.ask("POST", `/v1/workflows/executions/${id}/signals`, { body: signal });
  expect((await w.ask("POST", `/v1/workflows/executions/${id}/terminate`)).status).toBe(204);
}

const ORDERS = [{ name: "orders", signals: [{ name: "approve", input_schema: {} }] }];

test("--retention says for how long closed executions are kept, a day at least, and 30 days without it", async () => {
  expect(settingsOf(flags).retentionMs).toBe(30 * DAY);
  for (const retention of ["23h", "1s"])
    expect(() => settingsOf({ ...flags, retention })).toThrow(
      `--retention is ${retention}: it must be a day or more, such as 14d.`,
    );
  const w = await world({ settings: settingsOf({ ...flags, retention: "2d" }) });
  try {
    await w.worker("shop", ORDERS);
    await closed(w, "o-1");
    const status = async () => (await w.ask("GET", "/v1/workflows/executions/o-1/history")).status;
    await w.clock.advance(2 * DAY - 60_000);
    await w.ports.sweep(10_000);
    expect(await status()).toBe(200);
    await w.clock.advance(120_000);
    await w.ports.sweep(10_000);
    expect(await status()).toBe(404);
  } finally {
    await w.close();
  }
});

test("a steady load reaches a steady number of rows in each table, and of pages in the file", async () => {
  const w = await world({ settings: settingsOf({ ...flags, retention: "1d" }) });
  const { database } = w.ports;
  const tables = database.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
  const rows = () =>
    Object.fromEntries(
      tables.map(({ name }) => [String(name), Number(database.one(`SELECT count(*) AS n FROM ${name}`)?.n)]),
    );
  const pages = () => Number(database.one("PRAGMA page_count")?.page_count);
  const seen: { rows: Record<string, number>; pages: number }[] = [];
  try {
    for (let round = 0; round < 4; round++) {
      const worker = await w.worker("shop", ORDERS); // every day another one
      for (let n = 0; n < 25; n++) await closed(w, `o-${round}-${n}`, `key-${round}-${n}`);
      await worker.stop();
      await w.clock.advance(1.5 * DAY);
      await w.ports.sweep(10_000);
      seen.push({ rows: rows(), pages: pages() });
    }
    expect(seen[0]!.rows.runs).toBe(0);
    for (const { rows } of seen) expect(rows).toEqual(seen[0]!.rows);
    expect(seen[3]!.pages).toBeLessThan(seen[0]!.pages * 1.2); // without freed pages four rounds take four times as many
  } finally {
    await w.close();
  }
});
