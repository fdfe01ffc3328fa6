/** START-1: a caller whose answer was lost repeats its start. The official clients repeat too, if their retries are on. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { losingProxy } from "./support/losing-proxy.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }, { name: "other" }]);
});
afterAll(() => w.close());

const DAY_MS = 86_400_000;
const EXECUTE = "/v1/workflows/orders/execute";
const start = (body: object = {}, headers: Record<string, string> = {}, path = EXECUTE) =>
  w.ask("POST", path, { body, headers });
const keyed = (key: string, body: object = {}, path?: string) => start(body, { "idempotency-key": key }, path);
const runs = async () => (await w.ask("GET", "/v1/workflows/runs?page_size=1000")).body.executions as unknown[];
const ends = {
  COMPLETED: (id: string) => worker.complete(id, { done: true }),
  FAILED: async (id: string) => {
    const failure = { message: "no" };
    await (await worker.claim(id)).close({ kind: "execution_failed", failure }, { failure: "no" });
  },
  TERMINATED: async (id: string) => {
    await w.ask("POST", `/v1/workflows/executions/${id}/terminate`);
  },
} as const;

describe("an execution_id", () => {
  test.each([
    [undefined, "COMPLETED", 409],
    [undefined, "FAILED", 409],
    ["reject", "TERMINATED", 409],
    ["reject_unless_failed", "COMPLETED", 409],
    ["reject_unless_failed", "FAILED", 200],
    ["reject_unless_failed", "TERMINATED", 200],
    ["allow", "COMPLETED", 200],
    ["allow", "FAILED", 200],
  ] as const)("with the policy %s after an end as %s is answered %i", async (id_reuse_policy, status, expected) => {
    const execution_id = `id-${randomUUID()}`;
    const body = { execution_id, ...(id_reuse_policy && { id_reuse_policy }) };
    expect((await start(body)).status).toBe(200);
    const whileRunning = await start(body);
    expect(whileRunning).toMatchObject({ status: 409, body: { code: "WF_1101", status: "RUNNING", execution_id } });
    await ends[status](execution_id);
    const before = (await runs()).length;
    const again = await start(body);
    expect(again.status).toBe(expected);
    if (expected === 409) expect(again.body).toMatchObject({ code: "WF_1101", status, execution_id });
    expect((await runs()).length).toBe(before + (expected === 200 ? 1 : 0));
  });

  test("with an unknown policy is refused by name", async () => {
    const answer = await start({ id_reuse_policy: "sometimes" });
    expect(answer).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ["body", "id_reuse_policy"], type: "enum" }] },
    });
  });
});

describe("an idempotency key", () => {
  test.each([
    "header",
    "field",
  ])("in the %s answers the first start, running and closed, with and without an id", async (where) => {
    for (const id of [undefined, `k-${randomUUID()}`]) {
      const key = randomUUID();
      const body = { ...(id && { execution_id: id }), input: { n: 1 } };
      const send = (more: object = {}) =>
        where === "header" ? keyed(key, { ...body, ...more }) : start({ ...body, ...more, idempotency_key: key });
      const before = (await runs()).length;
      const first = await send();
      expect(first.status).toBe(200);
      expect(await send()).toMatchObject({ status: 200, body: { run_id: first.body.run_id, status: "RUNNING" } });
      await worker.complete(String(first.body.execution_id), { n: 7 });
      expect(await send()).toMatchObject({
        status: 200,
        body: { run_id: first.body.run_id, status: "COMPLETED", result: { n: 7 } },
      });
      expect(await send({ wait_for_result: true })).toMatchObject({ status: 200, body: { result: { n: 7 } } });
      expect((await runs()).length).toBe(before + 1);
    }
  });

  test("answers the first start also after its id has been used again", async () => {
    const [key, execution_id] = [randomUUID(), `again-${randomUUID()}`];
    const body = { execution_id, id_reuse_policy: "allow" };
    const first = await keyed(key, body);
    await worker.complete(execution_id, { first: true });
    expect((await keyed(randomUUID(), body)).status).toBe(200);
    const before = (await runs()).length;
    expect((await keyed(key, body)).body).toMatchObject({ run_id: first.body.run_id, status: "COMPLETED" });
    expect((await keyed(key, { ...body, wait_for_result: true })).body).toMatchObject({ result: { first: true } });
    expect((await runs()).length).toBe(before);
  });

  test("of eight calls at once starts once", async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => keyed(key, { input: { n: 2 } })));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.run_id}`)).size).toBe(1);
  });

  test("is refused for another request", async () => {
    const key = randomUUID();
    const first = await keyed(key, { input: { n: 1 } });
    for (const other of [
      keyed(key, { input: { n: 2 } }),
      keyed(key, { input: { n: 1 }, execution_id: "q" }),
      keyed(key, { input: { n: 1 } }, "/v1/workflows/other/execute"),
    ]) {
      expect(await other).toMatchObject({
        status: 422,
        body: { detail: [{ msg: expect.stringContaining(String(first.body.execution_id)) }] },
      });
    }
  });

  test("belongs to its workspace, and to one of header and field", async () => {
    const key = randomUUID();
    await keyed(key);
    const other = await w.newKey();
    const theirs = await w.ask("POST", EXECUTE, { body: {}, key: other.key, headers: { "idempotency-key": key } });
    expect(theirs.status).toBe(404);
    expect(await start({ idempotency_key: "a" }, { "idempotency-key": "b" })).toMatchObject({ status: 422 });
    expect(await start({ idempotency_key: "x".repeat(256) })).toMatchObject({ status: 422 });
    expect(await keyed("x".repeat(256))).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ["header", "idempotency-key"] }] },
    });
  });

  test("answers although no worker is live any more", async () => {
    const key = randomUUID();
    const first = await keyed(key);
    await w.clock.advance(DAY_MS);
    expect((await start()).status).toBe(404);
    expect(await keyed(key)).toMatchObject({ status: 200, body: { run_id: first.body.run_id } });
    await worker.heartbeat();
  });

  test("is kept as long as closed executions are, and forgotten then", async () => {
    const key = randomUUID();
    const first = await keyed(key);
    await worker.complete(String(first.body.execution_id));
    const retention = w.ports.settings.retentionMs;
    await w.clock.advance(retention - DAY_MS);
    await w.ports.sweep(1000);
    expect((await keyed(key)).body).toMatchObject({ run_id: first.body.run_id });
    await w.clock.advance(2 * DAY_MS);
    await w.ports.sweep(1000);
    expect(w.ports.database.all("SELECT * FROM start_keys")).toEqual([]);
    worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
    expect((await keyed(key)).body).not.toMatchObject({ run_id: first.body.run_id });
  });
});

test("the official client's own retries start once, with a key as a header and with an id", async () => {
  const proxy = await losingProxy({ url: w.server.url, key: w.key });
  const call = (execution: object, headers: Record<string, string>) =>
    proxy.client.workflows.executeWorkflow(
      { workflowIdentifier: "orders", workflowExecutionRequest: execution },
      { fetchOptions: { headers } },
    );
  try {
    const before = (await runs()).length;
    const answer = await call({ input: { n: 9 } }, { "Idempotency-Key": randomUUID() });
    expect(answer).toMatchObject({ status: "RUNNING" });
    expect(proxy.calls).toBe(3);
    proxy.calls = 0;
    await expect(call({ executionId: `r-${randomUUID()}` }, {})).rejects.toMatchObject({ statusCode: 409 });
    expect((await runs()).length).toBe(before + 2);
  } finally {
    proxy.close();
  }
});
