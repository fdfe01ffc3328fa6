/**
 * An execution whose head or log is damaged, on both engines: each call for it is answered with the reason or as before, none ends
 * the store, and another execution goes on.
 */
import { type AttributeValue, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EmbeddedExecutions } from "../../shared/embedded/executions.ts";
import type { Ports } from "../../shared/ports.ts";
import { awsWorld, type World, world } from "./support/world.ts";

interface Made {
  readonly w: World<Ports>;
  /** Replaces the JSON of the head, or of the last batch of the log. */
  damage(execution: string, part: "head" | "log", change: (stored: string) => string): Promise<void>;
}

const LAST = "SELECT first, body FROM log WHERE run = ? ORDER BY first DESC LIMIT 1";

async function onOneMachine(): Promise<Made> {
  const w = await world();
  const { database: db } = w.ports;
  const executions = w.ports.executions as EmbeddedExecutions;
  return {
    w: w as unknown as World<Ports>,
    async damage(execution, part, change) {
      const key = [w.workspace, execution];
      const run = db.one("SELECT run FROM heads WHERE ws = ? AND execution = ?", ...key)!.run!;
      const row = part === "head" ? db.one("SELECT body FROM heads WHERE run = ?", run) : db.one(LAST, run);
      const body = change(String(row!.body));
      if (part === "head") db.run("UPDATE heads SET body = ? WHERE run = ?", body, run);
      else db.run("UPDATE log SET body = ? WHERE run = ? AND first = ?", body, run, row!.first!);
      executions.forgetHead({ workspace: w.workspace, execution });
    },
  };
}

async function onAws(): Promise<Made> {
  const w = await awsWorld();
  const { dynamo, items } = w.memory.clients;
  return {
    w: w as unknown as World<Ports>,
    async damage(execution, part, change) {
      const attribute = part === "head" ? "body" : "batch";
      const item = items("executions")
        .filter((one) => one.pk!.S!.endsWith(`#${execution}`) && one[attribute]?.S !== undefined)
        .sort((a, b) => (a.sk!.S! < b.sk!.S! ? -1 : 1))
        .at(-1)!;
      const Item: Record<string, AttributeValue> = { ...item, [attribute]: { S: change(item[attribute]!.S!) } };
      await dynamo.send(new PutItemCommand({ TableName: "executions", Item }));
    },
  };
}

const DAMAGES = [
  ["head", "no JSON", () => "{"],
  ["head", "null", () => "null"],
  ["head", "a number", () => "5"],
  ["head", "an empty object", () => "{}"],
  ["log", "no JSON", () => "{"],
  ["log", "null", () => "null"],
  ["log", "an empty list", () => "[]"],
  ["log", "no events", (stored: string) => JSON.stringify({ ...JSON.parse(stored), events: [] })],
  ["log", "an event that is null", (stored: string) => JSON.stringify({ ...JSON.parse(stored), events: [null] })],
  ["log", "a kind that nobody knows", (stored: string) => stored.replace('"timer_started"', '"timer_strange"')],
] as const;

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
  const path = (execution: string, of = "") => `/v1/workflows/executions/${execution}${of}`;

  test.each(DAMAGES)("a %s with %s in its place is told, and harms no other execution", async (part, what, change) => {
    const bad = `bad-${part}-${what.replaceAll(" ", "-")}`;
    const worker = await w.worker("shop", [{ name: "waits", execution_timeout: 3_600 }]);
    for (const execution_id of [bad, `${bad}-other`]) {
      await w.ask("POST", "/v1/workflows/waits/execute", { body: { execution_id, input: {} } });
    }
    const drive = await worker.claim(bad);
    await drive.append([{ kind: "timer_started", timer: 1, fire_at: w.clock.now() + 60_000 } as never]);
    await damage(bad, part, change);

    const ask = async (method: string, of: string, body?: unknown) => {
      const { status, body: answer } = await w.ask(method, path(bad, of), body === undefined ? {} : { body });
      if (status === 500) expect(answer.detail, of).toMatch(/^What is stored cannot be read: /);
      else expect([200, 202, 204, 404, 409, 422], `${of} ${JSON.stringify(answer)}`).toContain(status);
      return { status, detail: String(answer.detail) };
    };
    await ask("GET", "");
    await ask("GET", "/explain");
    await ask("GET", "/history");
    await ask("POST", "/reset", { event_id: 1 });
    await ask("POST", "/cancel");
    const ended = await ask("POST", "/terminate");
    // A field that this engine keeps beside the JSON may leave enough to end it.
    if (ended.status !== 204)
      expect(ended).toMatchObject({ status: 409, detail: expect.stringContaining("cannot be") });
    await w.clock.advance(3_700_000);
    expect((await w.ask("GET", "/health")).status).toBe(200);
    const other = await w.ask("POST", path(`${bad}-other`, "/terminate"));
    expect([204, 409]).toContain(other.status); // ended by this, or by its time limit
    const { body } = await w.ask("GET", path(`${bad}-other`));
    expect(["TERMINATED", "TIMED_OUT"]).toContain(body.status);
  });
});
