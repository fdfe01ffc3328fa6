/** RESET-5 over HTTP: a caller whose answer was lost repeats its reset. The official client repeats too, if its retries are on. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { losingProxy } from "./support/losing-proxy.ts";
import type { ScriptedWorker } from "./support/scripted-worker.ts";
import { type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [{ name: "orders", execution_timeout: null }]);
});
afterAll(() => w.close());

const pathOf = (id: string) => `/v1/workflows/executions/${id}`;
const reset = (id: string, body: object, headers: Record<string, string> = {}) =>
  w.ask("POST", `${pathOf(id)}/reset`, { body, headers });
const keyed = (id: string, key: string, body: object = { to: "start" }) => reset(id, body, { "idempotency-key": key });
const runOf = async (id: string) => String((await w.ask("GET", pathOf(id))).body.run_id);
const runsOf = async (id: string) =>
  (await w.ask("GET", `/v1/workflows/runs?root_execution_id=${id}`)).body.executions as unknown[];

async function started(): Promise<string> {
  const id = `x-${randomUUID()}`;
  const body = { execution_id: id, input: {} };
  expect((await w.ask("POST", "/v1/workflows/orders/execute", { body })).status).toBe(200);
  return id;
}

describe("a reset that is repeated", () => {
  test("without a key is a reset of its own each time", async () => {
    const id = await started();
    expect((await reset(id, { to: "start" })).status).toBe(204);
    expect((await reset(id, { to: "start" })).status).toBe(204);
    expect(await runsOf(id)).toHaveLength(3);
  });

  test.each([
    "header",
    "field",
  ])("with a key in the %s happens once, of running and of closed executions", async (where) => {
    for (const ended of [false, true]) {
      const id = await started();
      if (ended) await worker.complete(id, { n: 1 });
      const key = randomUUID();
      const send = () => (where === "header" ? keyed(id, key) : reset(id, { to: "start", idempotency_key: key }));
      const before = await runOf(id);
      expect((await send()).status).toBe(204);
      const begun = await runOf(id);
      expect(begun).not.toBe(before);
      expect((await send()).status).toBe(204);
      await worker.complete(id, { n: 2 });
      expect((await send()).status).toBe(204);
      expect(await runOf(id)).toBe(begun);
      expect(await runsOf(id)).toHaveLength(2);
    }
  });

  test("with a key at eight callers at once happens once", async () => {
    const id = await started();
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => keyed(id, key)));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(204));
    expect(await runsOf(id)).toHaveLength(2);
  });

  test("with a key that another reset has overtaken is refused, and resets no other run, however often", async () => {
    const id = await started();
    const key = randomUUID();
    // The first request with the key had found the run, and died before it did anything.
    const refused = await keyed(id, key, { event_id: 7 });
    expect(refused).toMatchObject({ status: 422, body: { code: "WF_1001" } });
    expect((await reset(id, { to: "start" })).status).toBe(204);
    const now = await runOf(id);
    for (let i = 0; i < 2; i++)
      expect(await keyed(id, key, { event_id: 7 })).toMatchObject({
        status: 409,
        body: { code: "RUN_CHANGED", run_id: now, detail: expect.stringContaining("another idempotency key") },
      });
    expect(await runOf(id)).toBe(now);
  });

  test("with a key that belongs to a reset with another point, option or execution is refused", async () => {
    const [id, other] = [await started(), await started()];
    const key = randomUUID();
    expect((await keyed(id, key)).status).toBe(204);
    for (const wrong of [
      keyed(id, key, { to: "start", exclude_signals: true }),
      keyed(id, key, { to: "start", reason: "another" }),
      keyed(other, key),
    ])
      expect(await wrong).toMatchObject({
        status: 422,
        body: { detail: [{ loc: ["header", "idempotency-key"], msg: expect.stringContaining(id) }] },
      });
    expect(await runsOf(other)).toHaveLength(1);
    expect(await reset(id, { to: "start", idempotency_key: "a" }, { "idempotency-key": "b" })).toMatchObject({
      status: 422,
    });
  });

  test("with a key into a deployment whose workers have gone since happens once, and what had not happened is refused", async () => {
    const [id, other, open] = [await started(), await started(), randomUUID()];
    const rescue = await w.worker("rescue", [{ name: "orders", execution_timeout: null }]);
    const into = { to: "start", deployment_name: "rescue" };
    const key = randomUUID();
    expect((await keyed(id, key, into)).status).toBe(204);
    const begun = await runOf(id);
    // This one found the run and did nothing.
    expect((await keyed(other, open, { ...into, event_id: 7, to: undefined })).status).toBe(422);
    await rescue.stop();
    expect((await keyed(id, key, into)).status).toBe(204);
    expect(await runOf(id)).toBe(begun);
    const dead = { status: 404, body: { code: "WF_1100" } };
    expect(await keyed(id, randomUUID(), into)).toMatchObject(dead);
    expect(await keyed(id, key, { ...into, reason: "another" })).toMatchObject(dead);
    expect(await keyed(other, open, { ...into, event_id: 7, to: undefined })).toMatchObject(dead);
    expect(await runsOf(id)).toHaveLength(2);
  });

  test("with the key of a start is no repeated start, and keys of an execution that is not there are not kept", async () => {
    const key = randomUUID();
    const body = { execution_id: `x-${randomUUID()}`, input: {} };
    const headers = { "idempotency-key": key };
    expect((await keyed(body.execution_id, key)).status).toBe(404);
    expect((await w.ask("POST", "/v1/workflows/orders/execute", { body, headers })).status).toBe(200);
    expect((await keyed(body.execution_id, key)).status).toBe(204);
    expect(await runsOf(body.execution_id)).toHaveLength(2);
  });
});

test("the official client's own retries reset once with a key as a header, after a 503 and after a lost connection", async () => {
  const proxy = await losingProxy({ url: w.server.url, key: w.key });
  try {
    const id = await started();
    const headers = { "Idempotency-Key": randomUUID() };
    const drive = await worker.claim(id);
    const last = Object.assign({ kind: "execution_completed", result: {} } as const, { decided: 1 });
    await drive.close(last, { result: {} });
    await proxy.client.workflows.executions.resetWorkflow(
      { executionId: id, resetInvocationBody: { eventId: 2 } },
      { fetchOptions: { headers } },
    );
    expect(proxy.calls).toBe(3);
    expect(await runsOf(id)).toHaveLength(2);
  } finally {
    proxy.close();
  }
});
