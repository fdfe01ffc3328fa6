/** Deletion of executions over HTTP: nothing of them is readable afterwards. `test/contract/deletions.ts` has the stores. */
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ports } from "../../shared/ports.ts";
import { MAX_BATCH_IDS } from "../../shared/protocol/limits.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { awsWorld, type World, world } from "./support/world.ts";

/** `stored`: all that is stored, by table. */
interface Made {
  readonly w: World<Ports>;
  readonly stored: () => (readonly [string, string])[];
}

async function onOneMachine(): Promise<Made> {
  const w = await world();
  const { database } = w.ports;
  const tables = () =>
    database.all("SELECT name FROM sqlite_schema WHERE type = 'table'").map(({ name }) => String(name));
  return { w, stored: () => tables().map((name) => [name, JSON.stringify(database.all(`SELECT * FROM ${name}`))]) };
}

async function onAws(): Promise<Made> {
  const w = await awsWorld();
  const { items, objects } = w.memory.clients;
  const stored: Made["stored"] = () => [
    ...["executions", "registry", "schedules"].map((table) => [table, JSON.stringify(items(table))] as const),
    ["bucket", objects().join("\n")],
  ];
  return { w, stored };
}

describe.each([
  ["one machine", onOneMachine],
  ["AWS", onAws],
] as const)("on %s", (engine, create) => {
  let w: World<Ports>;
  let stored: Made["stored"];
  let worker: ScriptedWorker;
  beforeAll(async () => {
    ({ w, stored } = await create());
    worker = await w.worker("shop", [
      {
        name: "orders",
        execution_timeout: null,
        input_schema: { type: "object" },
        search_keys: ["customer"],
      },
      { name: "child", execution_timeout: null },
    ]);
  });
  afterAll(() => w.close());

  const E = "/v1/workflows/executions";
  const SECRET = "Ada Lovelace";
  const start = (execution_id: string, more: object = {}, headers: Record<string, string> = {}) =>
    w.ask("POST", "/v1/workflows/orders/execute", {
      body: { execution_id, input: { customer: SECRET }, ...more },
      headers,
    });
  const remove = (id: string, key?: string) => w.ask("DELETE", `${E}/${id}`, { ...(key && { key }) });
  async function read(path: string): Promise<number> {
    const { status, body } = await fetch(w.server.url + path, { headers: { authorization: `Bearer ${w.key}` } });
    await body?.cancel();
    return status;
  }

  /** Everything by which an execution or its run is read. */
  const READS = (id: string, run: string) => [
    `${E}/${id}`,
    `${E}/${id}?include_search_keys=true`,
    `${E}/${id}/history`,
    `${E}/${id}/history/1`,
    `${E}/${id}/explain`,
    `${E}/${id}/stream`,
    `${E}/${id}/trace/info`,
    `${E}/${id}/trace/otel`,
    `${E}/${id}/trace/summary`,
    `${E}/${id}/trace/events`,
    `${E}/${id}/logs`,
    `/v1/workflows/runs/${run}`,
    `/v1/workflows/runs/${run}/history`,
    `/v1/workflows/runs/${run}/history/1`,
  ];
  const LISTS = [
    "/v1/workflows/runs?page_size=1000",
    `/v1/workflows/runs?search_key=${encodeURIComponent(`customer:${SECRET}`)}`,
    "/v1/workflows/executions?page_size=1000",
    "/v1/workflows/inputs",
    "/v1/workflows/failures",
    "/v1/workflows/events/list?limit=1000",
    "/v1/workflows/deployments/shop/logs",
  ];

  test("a deleted execution is a 404 wherever it was readable, and no list, event or log shows it", async () => {
    const id = `gone-${randomUUID()}`;
    await start(id);
    const drive = await worker.claim(id);
    await drive.append([{ kind: "timer_started", timer: 1, fire_at: w.clock.now() + 1 } as never]);
    const record = { at: w.clock.now(), level: "info", body: `paid by ${SECRET}` } as const;
    const group = { execution: id, run: drive.head.run, id: randomUUID(), records: [record], dropped: 0 };
    await worker.call("logs", { worker: "w1", items: [group] });
    const failure = { type: "CardError", message: `the card of ${SECRET} is refused` };
    await drive.close({ kind: "execution_failed", failure }, { failure: failure.message });
    await w.feed(id);
    await w.clock.advance(10_000); // lists are read as far as they have settled
    const reads = READS(id, drive.head.run);
    for (const path of reads) expect([path, await read(path)]).toEqual([path, 200]);
    const shown = async (path: string) => JSON.stringify((await w.ask("GET", path)).body);
    const before = await Promise.all(LISTS.map(shown));
    expect(before.filter((list) => list.includes(id)).length).toBeGreaterThanOrEqual(5);

    expect(await remove(id)).toMatchObject({ status: 204, body: {} });
    for (const path of reads) expect([path, await read(path)]).toEqual([path, 404]);
    for (const path of LISTS) {
      const after = await shown(path);
      expect(after, path).not.toContain(id);
      expect(after, path).not.toContain(SECRET);
    }
  });

  test("counts of its workflow stay, and a failure that only it had is shown without an example", async () => {
    const id = `counted-${randomUUID()}`;
    const metrics = async () => (await w.ask("GET", "/v1/workflows/child/metrics")).body;
    await w.ask("POST", "/v1/workflows/child/execute", { body: { execution_id: id } });
    const failure = { type: "DoorError", message: `${SECRET} is not at home` };
    await (await worker.claim(id)).close({ kind: "execution_failed", failure }, { failure: failure.message });
    await w.feed(id);
    const before = await metrics();
    await remove(id);
    expect(await metrics()).toEqual(before);
    const { failures } = (await w.ask("GET", "/v1/workflows/failures?workflow_name=child")).body as {
      failures: object[];
    };
    expect(failures).toEqual([
      expect.objectContaining({ count: 1, type: "DoorError", message: "(the example was deleted)", example: null }),
    ]);
  });

  test("an execution that runs is refused with what to do, and one in the middle of a deletion is not", async () => {
    const id = `open-${randomUUID()}`;
    await start(id);
    expect(await remove(id)).toMatchObject({
      status: 409,
      body: { code: "EXECUTION_RUNNING", detail: expect.stringContaining("cancel or terminate it first") },
    });
    await w.ask("POST", `${E}/${id}/terminate`);
    expect((await remove(id)).status).toBe(204);
    expect((await remove(id)).status).toBe(204);
    expect(await remove(`never-${id}`)).toMatchObject({ status: 404, body: { code: "WF_1100" } });
  });

  test("a key that may only read deletes nothing, nor does a key of another deployment or workspace", async () => {
    const id = `kept-${randomUUID()}`;
    await start(id);
    await worker.complete(id);
    const reader = await w.newKey({ workspace: w.workspace, rights: ["read"] });
    const elsewhere = await w.newKey({ workspace: w.workspace, rights: ["operate"], deployments: ["other"] });
    const stranger = await w.newKey();
    expect((await remove(id, reader.key)).status).toBe(403);
    expect((await remove(id, elsewhere.key)).status).toBe(403);
    expect((await remove(id, stranger.key)).status).toBe(404);
    expect(await read(`${E}/${id}`)).toBe(200);
    const operator = await w.newKey({ workspace: w.workspace, rights: ["operate"], deployments: ["shop"] });
    expect((await remove(id, operator.key)).status).toBe(204);
  });

  test("the id is free, but a start that is repeated with the key of the deleted one is refused", async () => {
    const [id, key] = [`again-${randomUUID()}`, randomUUID()];
    const keyed = () => start(id, {}, { "idempotency-key": key });
    const first = await keyed();
    await worker.complete(id);
    await remove(id);
    const repeated = await keyed();
    expect(repeated).toMatchObject({ status: 409, body: { code: "EXECUTION_DELETED", execution_id: id } });
    expect(await read(`${E}/${id}`)).toBe(404);
    const second = await start(id);
    expect(second.status).toBe(200);
    expect(second.body.run_id).not.toBe(first.body.run_id);
    expect((await keyed()).status).toBe(409);
    await worker.complete(id);
    expect((await remove(id)).status).toBe(204);
    expect((await keyed()).body.code).toBe("EXECUTION_DELETED");
  });

  test("a parent keeps the result of a deleted child, and the children of a deleted parent stay", async () => {
    const [parent, child] = [`parent-${randomUUID()}`, `child-${randomUUID()}`];
    await start(parent);
    const drive = await worker.claim(parent);
    await drive.append([
      {
        kind: "child_scheduled",
        child: 1,
        execution: child,
        workflow: "child",
        input: null,
        on_parent_close: "abandon",
      } as never,
    ]);
    await worker.complete(child, { paid: true });
    const again = await worker.claim(parent);
    const [told] = again.messages;
    expect(told).toMatchObject({ kind: "child", child: 1, outcome: { kind: "completed", result: { paid: true } } });
    expect((await remove(child)).status).toBe(204);
    await again.append(
      [{ kind: "child_completed", child: 1, message: told!.id, result: { paid: true } } as never],
      [told!.id],
    );
    await again.close({ kind: "execution_completed", result: null });
    const history = JSON.stringify((await w.ask("GET", `${E}/${parent}/history`)).body);
    expect(history).toContain('"paid":true');
  });

  test.skipIf(engine === "AWS")("the stream of an execution ends when the execution is deleted", async () => {
    const id = `streamed-${randomUUID()}`;
    await start(id);
    const stop = new AbortController();
    const response = await fetch(`${w.server.url}${E}/${id}/stream`, {
      headers: { authorization: `Bearer ${w.key}` },
      signal: stop.signal,
    });
    const text = response.text();
    await w.ask("POST", `${E}/${id}/terminate`);
    await w.feed(id);
    await remove(id);
    expect(await w.waitingFor(text)).toContain("WORKFLOW_EXECUTION_STARTED");
  });

  test("a job deletes all closed executions that its filter finds, in every status, and none that runs", async () => {
    const of = randomUUID().slice(0, 8);
    const ids = Array.from({ length: 2 * MAX_BATCH_IDS }, (_, i) => `j-${of}-${i}`);
    for (const id of ids) await start(id);
    const [open, ...closed] = ids;
    await worker.complete(closed[0]!);
    for (const id of closed.slice(1)) await w.ask("POST", `${E}/${id}/terminate`);
    await w.clock.advance(10);
    const make = (body: object) => w.ask("POST", "/v1/workflows/jobs", { body });
    const refused = await make({ action: "delete", filter: { search: of, status: ["RUNNING"] } });
    expect(refused).toMatchObject({ status: 422, body: { detail: [{ loc: ["body", "filter", "status"] }] } });
    expect((await make({ action: "delete", filter: {}, reason: "x" })).status).toBe(422);
    const made = await make({ action: "delete", filter: { search: of } });
    expect(made.status).toBe(201);
    await w.sweep(1_000);
    const job = await w.ask("GET", `/v1/workflows/jobs/${made.body.job_id}`);
    const all = { total: closed.length, succeeded: closed.length, skipped: 0, failed: 0 };
    expect(job.body).toMatchObject({ action: "delete", status: "COMPLETED", ...all });
    const left = (await w.ask("GET", `/v1/workflows/runs?search=${of}&page_size=1000`)).body.executions;
    expect(left).toMatchObject([{ execution_id: open }]);
  });

  test("nothing that is stored has the input of a deleted execution, two hours later", async () => {
    const [id, secret] = [`erased-${randomUUID()}`, `Grace ${randomUUID()}`];
    await start(id, { input: { customer: secret, text: randomBytes(300_000).toString("base64") } });
    await w.ask("POST", `${E}/${id}/terminate`);
    await w.feed(id);
    // A tombstone keeps the id (DELETE-4). In the bucket it is part of the names.
    const found = () =>
      stored().filter(([where, text]) => text.includes(secret) || (where === "bucket" && text.includes(id)));
    expect(found()).not.toEqual([]);
    await remove(id);
    await w.clock.advance(2 * 3_600_000); // a write that was under way is erased an hour later (DELETE-3)
    await w.sweep(5_000);
    expect(found().map(([where]) => where)).toEqual([]);
  });
});
