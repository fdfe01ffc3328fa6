/**
 * An execution whose head or log is damaged, on both engines: each call for it is answered with the reason or as before, none ends
 * the store, and another execution goes on.
 */
import { type AttributeValue, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EmbeddedExecutions } from "../../shared/embedded/executions.ts";
import type { Ports } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { awsWorld, type World, world } from "./support/world.ts";

interface Made {
  readonly w: World<Ports>;
  /** Replaces the JSON of the head, or of the last batch of the log. */
  damage(execution: string, part: "head" | "log", change: (stored: string) => string): Promise<void>;
  /** Makes the head name another run. */
  moveHead(head: Head, run: string): Promise<void>;
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
    async moveHead(head, run) {
      db.run("UPDATE heads SET run = ? WHERE ws = ? AND execution = ?", run, head.workspace, head.execution);
      executions.forgetHead(head);
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
    async moveHead(head, run) {
      const item = items("executions").find((one) => one.run?.S === head.run && one.status !== undefined)!;
      await dynamo.send(new PutItemCommand({ TableName: "executions", Item: { ...item, run: { S: run } } }));
    },
  };
}

const DAMAGES = [
  ["head", "no JSON", () => "{"],
  ["head", "null", () => "null"],
  ["head", "a number", () => "5"],
  ["head", "an empty object", () => "{}"],
  ["head", "a start token that is no text", (stored: string) => stored.replace(/\}$/, ',"token":7}')],
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
  let moveHead: Made["moveHead"];
  beforeAll(async () => {
    ({ w, damage, moveHead } = await make());
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
    if (ended.status !== 204) {
      expect(ended).toMatchObject({ status: 409, detail: expect.stringContaining("cannot be") });
      expect(ended.detail).toContain("sirocco delete --damaged");
      expect(await ask("DELETE", "")).toMatchObject({ status: 409 });
      expect(await ask("DELETE", "?damaged=true")).toMatchObject({ status: 204 });
      expect(await ask("DELETE", "?damaged=true"), "repeated").toMatchObject({ status: 204 });
      expect(await ask("GET", "")).toMatchObject({ status: 404 });
      const again = { body: { execution_id: bad, input: {} } };
      expect((await w.ask("POST", "/v1/workflows/waits/execute", again)).status).toBe(200);
      expect(await ask("DELETE", "?damaged=true"), "sound").toMatchObject({
        status: 409,
        detail: expect.stringContaining("is not damaged"),
      });
    }
    await w.clock.advance(3_700_000);
    expect((await w.ask("GET", "/health")).status).toBe(200);
    const other = await w.ask("POST", path(`${bad}-other`, "/terminate"));
    expect([204, 409]).toContain(other.status); // ended by this, or by its time limit
    const { body } = await w.ask("GET", path(`${bad}-other`));
    expect(["TERMINATED", "TIMED_OUT"]).toContain(body.status);
  });

  test("the parent of a damaged execution that is deleted learns that it was terminated", async () => {
    const worker = await w.worker("family", [{ name: "parent", execution_timeout: null }, { name: "kid" }]);
    await w.ask("POST", "/v1/workflows/parent/execute", { body: { execution_id: "mother", input: {} } });
    const drive = await worker.claim("mother");
    const child = { kind: "child_scheduled", child: 1, workflow: "kid", execution: "kid-1", input: {} };
    await drive.append([{ ...child, on_parent_close: "abandon" } as never]);
    await (await worker.claim("kid-1")).append([{ kind: "timer_started", timer: 1, fire_at: 1 } as never]);
    await damage("kid-1", "log", () => "{");
    expect((await w.ask("DELETE", path("kid-1", "?damaged=true"))).status).toBe(204);
    const { messages } = await worker.claim("mother");
    expect(messages).toMatchObject([{ kind: "child", child: 1, outcome: { kind: "failed", status: "TERMINATED" } }]);
    expect(
      w.lines.findLast(({ message }) => message.startsWith("a damaged execution was deleted"))?.fields,
    ).toMatchObject({
      execution: "kid-1",
      parent_and_schedule_told: true,
    });
  });

  test("a head that names a run of another execution is refused, and its deletion leaves the other whole", async () => {
    const worker = await w.worker("torn", [{ name: "torn", execution_timeout: null }]);
    for (const execution_id of ["torn-1", "torn-2"])
      await w.ask("POST", "/v1/workflows/torn/execute", { body: { execution_id, input: {} } });
    const [one, two] = await Promise.all(
      ["torn-1", "torn-2"].map((execution) => w.ports.executions.head({ workspace: w.workspace, execution })),
    );
    await moveHead(one!, two!.run);
    const { status, body: refused } = await w.ask("POST", path("torn-1", "/terminate"));
    // On AWS a log lies beneath its execution, so this one is ended like others.
    if (status !== 204) expect(refused.code).toBe("WF_1105");
    expect((await w.ask("DELETE", path("torn-1", "?damaged=true"))).status).toBe(204);
    expect((await w.ask("GET", path("torn-1"))).status).toBe(404);
    const { body } = await w.ask("GET", path("torn-2", "/history"));
    expect(JSON.stringify(body)).toContain("execution_started");
    await worker.complete("torn-2");
    expect((await w.ask("GET", path("torn-2"))).body.status).toBe("COMPLETED");
  });

  test("a closed execution with a damaged log is deleted like others", async () => {
    const worker = await w.worker("done", [{ name: "done", execution_timeout: null }]);
    await w.ask("POST", "/v1/workflows/done/execute", { body: { execution_id: "done-1", input: {} } });
    await (await worker.claim("done-1")).close(
      { kind: "execution_failed", failure: { type: "Error", message: "no" } } as never,
      {
        failure: "no",
      },
    );
    await damage("done-1", "log", () => "{");
    expect((await w.ask("DELETE", path("done-1"))).status).toBe(204);
    expect((await w.ask("GET", path("done-1"))).status).toBe(404);
  });
});
