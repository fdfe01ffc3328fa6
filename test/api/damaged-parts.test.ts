/**
 * What is stored beside an execution and cannot be read, on both engines: heartbeats and failures of activities, pools of rate
 * limits, outcomes of a job, log pages of a schedule. Attempts begin without it, and lists leave it out.
 */
import { type AttributeValue, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ports } from "../../shared/ports.ts";
import { awsWorld, type World, world } from "./support/world.ts";

/** Where a part is stored: table and column on one machine, table, attribute and part of the key on AWS. */
const PLACES = {
  heartbeat: [
    ["activities", "details"],
    ["executions", "details", ""],
  ],
  failure: [
    ["activities", "failed"],
    ["executions", "failed", ""],
  ],
  pool: [
    ["rate_limits", "body"],
    ["executions", "pool", ""],
  ],
  outcomes: [
    ["job_outcomes", "body"],
    ["executions", "outcomes", ""],
  ],
  log: [
    ["schedule_log", "body"],
    ["schedules", "entries", ""],
  ],
} as const;
type Part = keyof typeof PLACES;

interface Made {
  readonly w: World<Ports>;
  /** Replaces the last stored value of the part. */
  damage(part: Part, value: string): Promise<void>;
}

async function onOneMachine(): Promise<Made> {
  const w = await world();
  return {
    w: w as unknown as World<Ports>,
    async damage(part, value) {
      const [[table, column]] = PLACES[part];
      const last = `SELECT MAX(${part === "log" ? "first" : `"${column}"`}) FROM ${table}`;
      const is = part === "log" ? `first = (${last})` : `"${column}" IS NOT NULL`;
      expect(w.ports.database.run(`UPDATE ${table} SET "${column}" = ? WHERE ${is}`, value)).toBe(1);
    },
  };
}

async function onAws(): Promise<Made> {
  const w = await awsWorld();
  return {
    w: w as unknown as World<Ports>,
    async damage(part, value) {
      const [, [table, attribute]] = PLACES[part];
      const { dynamo, items } = w.memory.clients;
      const item = items(table)
        .filter((item) => item[attribute])
        .sort((a, b) => (a.sk!.S! < b.sk!.S! ? -1 : 1))
        .at(-1);
      const Item: Record<string, AttributeValue> = { ...item, [attribute]: { S: value } };
      await dynamo.send(new PutItemCommand({ TableName: table, Item }));
    },
  };
}

const DAMAGES = ["{", "null", "5", "{}", "[null]"];

describe.each([
  ["on one machine", onOneMachine],
  ["on AWS", onAws],
] as const)("%s", (_name, make) => {
  let w: World<Ports>;
  let damage: Made["damage"];
  beforeAll(async () => {
    ({ w, damage } = await make());
  });
  afterAll(() => w.close());
  const told = () => w.lines.filter(({ message }) => message.startsWith("store: a row cannot be read"));

  test("an activity's next attempt begins without a heartbeat that cannot be read, and its report leaves it out", async () => {
    const key = { ref: { workspace: w.workspace, execution: "e" }, run: crypto.randomUUID(), activity: 1 };
    const { activities } = w.ports;
    const now = w.clock.now();
    await activities.beat({ ...key, attempt: 1, details: { row: 7 }, now });
    expect(await activities.lastBeat(key)).toEqual({ row: 7 });
    await activities.failed({ ...key, attempt: 1, failure: { message: "no" }, retryAt: now, now });
    await damage("heartbeat", "{");
    expect(await activities.lastBeat(key)).toBeNull();
    expect(await activities.report(key)).toMatchObject({ beat: { details: null }, failed: { attempt: 1 } });
    await damage("failure", "{");
    expect(await activities.report(key)).toMatchObject({ attempt: 1, failed: null });
    expect(told()).toHaveLength(2);
  });

  test("a pool that cannot be read begins anew, and gives permits as the limit says", async () => {
    const limit = { key: "mail", max: 2, per_ms: 60_000 };
    for (const value of DAMAGES) {
      await w.ports.rateLimits.take(w.workspace, limit, 1);
      await damage("pool", value);
      // Another process: this one may remember the pool.
      expect(await w.ports.rateLimits.pool(w.workspace, "mail"), value).toBeNull();
      const permits = await w.ports.rateLimits.take(w.workspace, limit, 3);
      expect(permits.filter((permit) => "at" in permit && permit.at === w.clock.now()).length, value).toBeLessThan(3);
      expect(await w.ports.rateLimits.pool(w.workspace, "mail"), value).toMatchObject({ per: 60_000 });
    }
  });

  test("outcomes of a page that cannot be read are left out", async () => {
    const key = { workspace: w.workspace, id: crypto.randomUUID() };
    await w.ports.jobs.putOutcomes(key, 0, [{ execution: "e", run: "r" } as never]);
    for (const value of DAMAGES) {
      await damage("outcomes", value);
      expect(await w.ports.jobs.outcomes(key, 0), value).toEqual([]);
      expect(await w.ports.jobs.putOutcomes(key, 0, []), value).toEqual([]);
    }
  });

  test("a page of a schedule's log that cannot be read hides no other page", async () => {
    const life = { workspace: w.workspace, schedule: "hourly", createdAt: 1 };
    const entry = (seq: number) => ({ seq, at: w.clock.now() }) as never;
    await w.ports.schedules.putLog(life, [entry(1), entry(2)]);
    await w.ports.schedules.putLog(life, [entry(3)]);
    for (const value of DAMAGES) {
      await damage("log", value);
      const shown = await w.ports.schedules.log(life, { before: 100, limit: 10 });
      expect(
        shown.map(({ seq }) => seq),
        value,
      ).toEqual([2, 1]);
    }
  });
});
