/** Real workers of a deployment that is hardened while they run. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../cli/server/index.ts";
import { startWorker, workflow } from "../../sdk/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { type Embedded, embedded } from "../../shared/server/embedded.ts";

let engine: Embedded;
let server: RunningServer;
const lines: string[] = [];
const note = (message: string, fields?: object) => void lines.push(`${message} ${Object.values(fields ?? {})}`);
const log = { debug: () => {}, info: () => {}, warn: note, error: note };
beforeAll(async () => {
  engine = embedded({ settings: { heartbeatMs: 50 } });
  server = await startServer({ ports: engine, version: "0.0.0", port: 0 });
});
afterAll(async () => {
  await server?.close(500);
  engine?.close();
});

const hello = workflow({ name: "hello" }, async () => "hi");

test("a worker with another key is cut off, says why, and serves again once every key may", async () => {
  const { key: admin } = await createKey(engine, { workspace: DEFAULT_WORKSPACE, name: "admin" });
  const { key: other, record } = await createKey(engine, { workspace: DEFAULT_WORKSPACE, name: "trusted" });
  const options = { deployment: "vault", url: server.url, workflows: [hello], activities: [], log };
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${admin}`, "content-type": "application/json" };
    const given = body ? { body: JSON.stringify(body) } : {};
    const answer = await fetch(`${server.url}/v1/workflows${path}`, { method, headers, ...given });
    const text = await answer.text();
    return { status: answer.status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> };
  };
  const workersOf = async () =>
    ((await ask("GET", "/deployments/vault")).body.workers as { name: string; is_active: boolean }[])
      .filter((w) => w.is_active)
      .map((w) => w.name);

  const stranger = await startWorker({ ...options, name: "stranger", apiKey: admin });
  expect((await ask("POST", "/deployments/vault/harden", { key_ids: [record.hash.slice(0, 16)] })).status).toBe(200);
  await expect.poll(() => lines.join("\n")).toContain("is hardened, and the API key 'admin' is not authorised");
  expect(await workersOf()).toEqual([]);
  await expect(startWorker({ ...options, name: "second", apiKey: admin })).rejects.toThrow("is hardened");

  const trusted = await startWorker({ ...options, name: "trusted", apiKey: other });
  expect(await workersOf()).toEqual(["trusted"]);
  const run = (execution_id: string) => ask("POST", "/hello/execute", { execution_id, wait_for_result: true });
  expect(await run("one")).toMatchObject({ status: 200, body: { result: { result: "hi" } } });
  await trusted.stop();

  expect((await ask("POST", "/deployments/vault/unharden")).status).toBe(204);
  await expect.poll(workersOf).toEqual(["stranger"]);
  expect(await run("two")).toMatchObject({ status: 200, body: { result: { result: "hi" } } });
  await stranger.stop();
}, 30_000);
