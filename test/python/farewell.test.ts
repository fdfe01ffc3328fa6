/** Messages that come together with the one at which an execution ends: its code gets them all (HOST-8). */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PythonWorker, startPythonWorker, whyNoPython, workerFile } from "../support/python-worker.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { type CallProxy, callProxy } from "./call-proxy.ts";
import { call, closed, history, type Place } from "./surface-checks.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the tests of how Python executions end. ${cannotRun}`);

describe.skipIf(cannotRun)("an execution of a Python worker that ends", () => {
  let server: TestServer;
  let proxy: CallProxy;
  let at: Place;
  let worker: PythonWorker;
  const ids = [`farewell-${randomUUID()}`, `farewell-${randomUUID()}`] as const;
  beforeAll(async () => {
    proxy = await callProxy();
    server = await testServer();
    proxy.target = server.url;
    at = { url: proxy.url, key: server.key };
    proxy.hold("late"); // the worker is registered and receives nothing
    const env = { WORKER_NAME: "late" };
    worker = await startPythonWorker(workerFile("farewell.py"), { ...at, deployment: "farewell", env });
    for (const [i, id] of ids.entries()) {
      await call(at, "POST", "/farewell/execute", { input: { again: i === 1 }, execution_id: id });
      for (let n = 0; n < 3; n++) await call(at, "POST", `/executions/${id}/signals`, { name: "poke", input: {} });
    }
    proxy.release();
  }, 120_000);
  afterAll(async () => {
    proxy?.release();
    await worker?.stop();
    await server?.close();
    proxy?.close();
  });

  test("gives its code the signals that came with the last one, and takes no further decision but the end", async () => {
    expect(await closed(at, ids[0], 20)).toEqual(["COMPLETED", { result: 1 }]);
    const events = await history(at, ids[0]);
    expect(events.map(({ kind }) => kind)).toEqual([
      "execution_started",
      ...["signal_received", "signal_received", "signal_received"],
      ...["search_keys_set", "search_keys_set", "search_keys_set"],
      "execution_completed",
    ]);
    expect(events.at(-1)).toMatchObject({ decided: events[3]!.id });
  }, 60_000);

  test("leaves to the next run what is not recorded when it continues as new", async () => {
    expect((await closed(at, ids[1], 20))[0]).toBe("COMPLETED");
    const last = await history(at, ids[1]);
    expect(last[0]).toMatchObject({ kind: "execution_started", input: { again: false } });
    expect(last.filter(({ kind }) => kind === "signal_received").length).toBeGreaterThan(0);
  }, 60_000);

  test("answers an update that is open when it ends", async () => {
    const id = `farewell-${randomUUID()}`;
    await call(at, "POST", "/farewell/execute", { input: {}, execution_id: id });
    const update = call(at, "POST", `/executions/${id}/updates`, { name: "slow", input: {} });
    await expect.poll(async () => (await history(at, id)).map(({ kind }) => kind)).toContain("update_accepted");
    await call(at, "POST", `/executions/${id}/signals`, { name: "poke", input: {} });
    const { status, body } = await update;
    expect(status).toBe(424);
    expect(JSON.stringify(body)).toContain('the execution ended before update \\"slow\\" was finished');
  }, 60_000);
});
