/**
 * Keys, log records and counts that nobody can read, on both engines: lists leave them out, other keys can be revoked, logs go
 * on behind them, and starts and closes go on.
 */
import { type AttributeValue, PutItemCommand, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BucketChanges } from "../../shared/aws/rollups.ts";
import { closedRun } from "../../shared/core/rollups.ts";
import { headOf } from "../contract/subject.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { awsWorld, type World, world } from "./support/world.ts";

type What = "key" | "log records" | "counts";
/** The message of the failures that are counted; of these one bucket is damaged. */
const ODD = "odd failure";
/** Damages each stored value of this kind whose text has `part`, and answers how to undo it. */
type Damage = (what: What, part: string, damage: string) => Promise<() => Promise<void>>;

interface Made {
  readonly w: World;
  readonly damage: Damage;
  readonly damages: readonly string[];
  /** Counts a failure where the world has nothing that does. */
  readonly count?: (execution: string, failure: { message: string; type: string }) => Promise<void>;
}

async function onOneMachine(): Promise<Made> {
  const w = await world();
  const db = w.ports.database;
  const tables = { key: "keys", "log records": "log_records", counts: "rollups" } as const;
  const damage: Damage = async (what, part, body) => {
    const table = tables[what];
    db.writeWaiting();
    const key = db.all(`PRAGMA table_info("${table}")`).filter(({ pk }) => Number(pk) > 0);
    const is = key.map(({ name }) => `"${name}" = ?`).join(" AND ");
    const rows = db.all(`SELECT * FROM "${table}"`).filter((row) => JSON.stringify(row).includes(part));
    const set = (row: (typeof rows)[number], value: string) =>
      db.run(`UPDATE "${table}" SET body = ? WHERE ${is}`, value, ...key.map(({ name }) => row[String(name)]!));
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) set(row, body);
    return async () => {
      for (const row of rows) set(row, String(row.body));
    };
  };
  return { w, damage, damages: ["{", "null", "5", "{}"] };
}

async function onAws(): Promise<Made> {
  const w = await awsWorld();
  const places = { key: ["registry", "record"], "log records": ["executions", "group"], counts: ["feed", "failure"] };
  const damage: Damage = async (what, part, body) => {
    const [table, attribute] = places[what] as [string, string];
    const put = (Item: Record<string, AttributeValue>) =>
      w.memory.clients.dynamo.send(new PutItemCommand({ TableName: table, Item }));
    const whole = w.memory.clients
      .items(table)
      .filter((item) => item[attribute] && !item.pk!.S!.startsWith("key#") && JSON.stringify(item).includes(part));
    expect(whole.length).toBeGreaterThan(0);
    for (const item of whole) await put({ ...item, [attribute]: { S: body } });
    return async () => {
      for (const item of whole) await put(item);
    };
  };
  const count: Made["count"] = async (execution, failure) => {
    const now = w.clock.now();
    const changes = new BucketChanges(w.workspace);
    const head = headOf({ workspace: w.workspace, execution }, now);
    const event = { kind: "execution_failed", id: 2, at: now, failure } as const;
    for (const increment of closedRun(head, { events: [event] }, 0)) {
      changes.add(increment, { now, retentionMs: w.ports.settings.retentionMs });
    }
    await w.memory.clients.dynamo.send(new TransactWriteItemsCommand({ TransactItems: changes.writes("feed") }));
  };
  return { w: w as unknown as World, damage, damages: ["{", "null"], count };
}

for (const [engine, made] of [
  ["on one machine", onOneMachine],
  ["on AWS", onAws],
] as const) {
  describe(engine, () => {
    let w: World;
    let damage: Damage;
    let damages: Made["damages"];
    let count: Made["count"];
    let worker: ScriptedWorker;
    beforeAll(async () => {
      ({ w, damage, damages, count } = (await made()) as Made);
      worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
    });
    afterAll(() => w.close());
    const get = async (path: string) => {
      const { status, body } = await w.ask("GET", `/v1/workflows/${path}`);
      const why = w.lines.findLast(({ level }) => level === "error")?.fields.error;
      expect(status, `${path}: ${(why as Error)?.stack}`).toBe(200);
      return body;
    };
    const start = async (execution_id: string) =>
      expect((await w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id, input: {} } })).status).toBe(
        200,
      );

    test("a key that cannot be read hides no other key, and keeps none from being revoked", async () => {
      for (const name of ["odd", "other"]) {
        const body = { name, rights: ["read"] };
        expect((await w.ask("POST", "/v1/keys", { body })).status).toBe(201);
      }
      for (const value of damages) {
        const undo = await damage("key", "odd", value);
        const { keys } = (await w.ask("GET", "/v1/keys")).body as { keys: { name: string }[] };
        expect(keys.map(({ name }) => name).sort(), value).toEqual(["other", "tester"]);
        await undo();
      }
      await damage("key", "odd", damages[0]!);
      const { keys } = (await w.ask("GET", "/v1/keys")).body as { keys: { name: string; key_id: string }[] };
      const { key_id } = keys.find(({ name }) => name === "other")!;
      expect((await w.ask("DELETE", `/v1/keys/${key_id}`)).status).toBe(204);
    });

    test("log records that cannot be read hide no others, and others can follow them", async () => {
      await start("e-1");
      const { execution, run } = (await worker.claim("e-1")).head;
      const log = async (body: string) => {
        const records = [{ at: w.clock.now(), level: "info", body }];
        const item = { execution, run, id: crypto.randomUUID(), records, dropped: 0 };
        const { status } = await worker.raw("logs", { worker: "w1", items: [item] });
        await w.clock.advance(10_000); // the index of a deployment's logs is read as far as it has settled
        return status;
      };
      const shown = async (path: string) =>
        ((await get(path)).results as { body: string }[]).map(({ body }) => body).filter((body) => body !== "again");
      for (const body of ["one", "two", "three"]) expect(await log(body)).toBe(200);
      for (const path of ["executions/e-1/logs", "deployments/shop/logs"]) {
        expect(await shown(path)).toEqual(["one", "two", "three"]);
      }
      const [, second, third] = await groups();
      for (const value of damages) {
        const undo = await damage("log records", second!, value);
        for (const path of ["executions/e-1/logs", "deployments/shop/logs"]) {
          expect(await shown(path), `${path} ${value}`).toEqual(["one", "three"]);
          expect(await shown(`${path}?order=desc`), `${path} ${value}`).toEqual(["three", "one"]);
        }
        await undo();
      }
      await damage("log records", third!, damages[0]!);
      expect(await log("four")).toBe(200);
      for (const path of ["executions/e-1/logs", "deployments/shop/logs"]) {
        expect(await shown(path)).toEqual(["one", "two", "four"]);
      }
    });

    /** A part of each stored group of e-1 that no other has. */
    async function groups(): Promise<string[]> {
      if (engine === "on one machine")
        return w.ports.database
          .all("SELECT body FROM log_records ORDER BY first")
          .map(({ body }) => /"body":"\w+"/.exec(String(body))![0]!.slice(8, -1));
      const { items } = (w as unknown as Awaited<ReturnType<typeof awsWorld>>).memory.clients;
      const found = items("executions").filter((item) => item.group);
      return found.map((item) => String(item.sk!.S)).sort();
    }

    test("counts that cannot be read hide no others, and keep no start and no close from being taken", async () => {
      const fail = async (id: string, message: string) => {
        await start(id);
        const failure = { message, type: "Error" };
        await (await worker.claim(id)).close({ kind: "execution_failed", failure } as never, { failure: "{}" });
        await count?.(id, failure);
      };
      await fail("f-1", ODD);
      await fail("f-2", "another");
      for (const [i, value] of damages.entries()) {
        const undo = await damage("counts", ODD, value);
        expect(JSON.stringify(await get("failures")), value).toContain("another");
        await get("orders/metrics");
        await undo();
        await damage("counts", ODD, value);
        await fail(`g-${i}`, ODD);
        expect((await get(`executions/g-${i}`)).status).toBe("FAILED");
        await undo();
      }
      expect((await w.ask("GET", "/health")).status).toBe(200);
    });
  });
}
