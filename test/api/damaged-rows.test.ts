/** Rows that nobody can read: lists, feed and rounds go on with the others, and the server's log and `/health` name the row. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type World, world } from "./support/world.ts";

let w: World;
beforeAll(async () => {
  w = await world();
  for (const kind of ["bad", "good"]) {
    const worker = await w.worker(`${kind}-shop`, [{ name: `${kind}-work`, execution_timeout: null }]);
    const body = { execution_id: `${kind}-run`, input: {} };
    expect((await w.ask("POST", `/v1/workflows/${kind}-work/execute`, { body })).status).toBe(200);
    await worker.complete(`${kind}-run`);
    const job = { action: "terminate", filter: { workflow_identifier: `${kind}-work` }, reason: kind };
    expect((await w.ask("POST", "/v1/workflows/jobs", { body: job })).status).toBe(201);
  }
  await w.ask("POST", "/v1/workflows/deployments/bad-shop/promote", { body: {} });
  await w.ask("POST", "/v1/workflows/deployments/good-shop/promote", { body: {} });
});
afterAll(() => w.close());

const LISTS = ["deployments", "jobs", "events/list?limit=100", "runs?page_size=50", "runs/counts", ""].map(
  (path) => `/v1/workflows${path && `/${path}`}`,
);
const BROKEN_JSON = ["{", "null", "5"];
const NO_TIMES = ["x", 9e15, -1];

const told = () => w.lines.filter(({ message }) => message.startsWith("store: a row cannot be read"));

test.each([
  ["deployments", "created_at", NO_TIMES, "name = 'bad-shop'"],
  ["deployments", "updated_at", NO_TIMES, "name = 'bad-shop'"],
  ["deployments", "authorized_keys", ["{"], "name = 'bad-shop'"],
  ["workers", "heartbeat_at", [9e15], "deployment = 'bad-shop'"],
  ["workers", "load", BROKEN_JSON.slice(0, 1), "deployment = 'bad-shop'"],
  ["workflows", "body", BROKEN_JSON, "name = 'bad-work'"],
  ["registrations", "definition", BROKEN_JSON, "workflow = 'bad-work'"],
  ["current_deployments", "body", BROKEN_JSON, "workflow = 'bad-work'"],
  ["jobs", "body", BROKEN_JSON, "body LIKE '%bad-work%'"],
  ["log", "body", BROKEN_JSON, "run IN (SELECT run FROM runs WHERE execution = 'bad-run')"],
  ["runs", "started_at", [9e15, -1], "execution = 'bad-run'"],
  ["runs", "closed_at", NO_TIMES, "execution = 'bad-run'"],
] as const)("a damaged %s.%s hides no other row of any list", async (table, column, damages, where) => {
  const db = w.ports.database;
  const keys = db.all(`PRAGMA table_info("${table}")`).filter(({ pk }) => Number(pk) > 0);
  const is = keys.map(({ name }) => `"${name}" = ?`).join(" AND ");
  const rows = db.all(`SELECT * FROM "${table}" WHERE ${where}`);
  expect(rows.length).toBeGreaterThan(0);
  const set = (row: (typeof rows)[number], value: (typeof rows)[number][string]) =>
    db.run(`UPDATE "${table}" SET "${column}" = ? WHERE ${is}`, value!, ...keys.map(({ name }) => row[String(name)]!));
  for (const damage of damages) {
    for (const row of rows) set(row, damage);
    for (const path of LISTS) {
      const { status, body } = await w.ask("GET", path);
      expect(status, `${path} with ${damage}`).toBe(200);
      if (path !== "/v1/workflows/runs/counts") expect(JSON.stringify(body), path).toContain("good-");
    }
    for (const row of rows) set(row, row[column]!);
  }
  expect(told().length).toBeGreaterThan(0);
  const { body } = await w.ask("GET", "/health");
  expect(body).toMatchObject({ set_aside: told().length });
});

test("the feed goes on behind a batch that cannot be read, and tells of it once", async () => {
  const db = w.ports.database;
  const run = db.one("SELECT run FROM runs WHERE execution = 'bad-run'")!.run!;
  db.run("UPDATE log SET body = '{' WHERE run = ? AND first = 2", run);
  const before = w.lines.length;
  const read = async (after: number) => (await w.ports.feed.read(w.workspace, { after, limit: 100 })).items;
  const shown = (await read(0)).map(({ event }) => event.wire.workflow_exec_id);
  expect(shown.filter((id) => id === "bad-run")).toHaveLength(1);
  expect(shown.filter((id) => id === "good-run")).toHaveLength(2);
  expect(await read(0)).toHaveLength(3);
  expect(w.lines.slice(before).filter(({ level }) => level === "error").length).toBeLessThanOrEqual(1);
});

test("a worker registers again where the stored record of its workflow cannot be read", async () => {
  w.ports.database.run("UPDATE workflows SET body = '{' WHERE name = 'bad-work'");
  const { id } = w.ports.database.one("SELECT id FROM workflows WHERE name = 'bad-work'")!;
  await w.worker("bad-shop", [{ name: "bad-work", execution_timeout: null }]);
  expect(await w.ports.registry.workflow(w.workspace, "bad-work")).toMatchObject({ id, name: "bad-work" });
});

test("a damaged hold of one workspace keeps no other workspace from releasing", async () => {
  const hold = { deployment: "good-shop", reason: "x", by: null, at: 1, release: null };
  w.ports.database.run("INSERT INTO meta (name, value) VALUES ('holds#bad', '{')");
  expect(await w.ports.registry.setHolds(w.workspace, { version: 1, holds: [hold as never] })).toBe(true);
  await w.ports.sweep(10_000);
  expect(w.lines.filter(({ message }) => message.includes("stage of the round"))).toEqual([]);
});

test("a message that cannot be read keeps no worker from its execution, and no other message from its handler", async () => {
  const worker = await w.worker("mail-shop", [
    { name: "mail", execution_timeout: null, signals: [{ name: "go", input_schema: {} }] },
  ]);
  await w.ask("POST", "/v1/workflows/mail/execute", { body: { execution_id: "mail-1", input: {} } });
  for (const n of [1, 2, 3]) {
    const body = { name: "go", input: { n } };
    expect((await w.ask("POST", "/v1/workflows/executions/mail-1/signals", { body })).status).toBe(202);
  }
  w.ports.database.run("UPDATE inbox SET body = '{' WHERE execution = 'mail-1' AND body LIKE '%\"n\":2%'");
  expect((await w.ask("GET", "/v1/workflows/executions/mail-1/explain")).status).toBe(200);
  const { messages } = await worker.claim("mail-1");
  expect(messages.map((message) => "input" in message && message.input)).toEqual([{ n: 1 }, { n: 3 }]);
  expect(told().some(({ fields }) => String(fields.row).includes("mail-1"))).toBe(true);
  await worker.complete("mail-1");
  expect((await w.ask("GET", "/v1/workflows/executions/mail-1")).body.status).toBe("COMPLETED");
});

test("a page of a schedule's log that cannot be read hides no other page", async () => {
  const life = { workspace: w.workspace, schedule: "hourly", createdAt: 1 };
  const entry = (seq: number) => ({ seq, at: seq }) as never;
  await w.ports.schedules.putLog(life, [entry(1), entry(2)]);
  await w.ports.schedules.putLog(life, [entry(3), entry(4)]);
  await w.ports.schedules.putLog(life, [entry(5)]);
  for (const damage of ["{", "null", "5", "[null]"]) {
    w.ports.database.run("UPDATE schedule_log SET body = ? WHERE id = 'hourly' AND first = 3", damage);
    const shown = await w.ports.schedules.log(life, { before: 100, limit: 10 });
    expect(
      shown.map(({ seq }) => seq),
      damage,
    ).toEqual([5, 2, 1]);
  }
});
