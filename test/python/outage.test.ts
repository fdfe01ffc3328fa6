/** The server goes away while a Python worker works, and comes back: the worker stays, and what it did meanwhile counts. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { type Embedded, embedded } from "../../shared/server/embedded.ts";
import { type PythonWorker, startPythonWorker, whyNoPython, workerFile } from "../support/python-worker.ts";
import { closed, history, type Place, scratch, start, touch } from "./surface-checks.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the test of an outage of the server. ${cannotRun}`);

describe.skipIf(cannotRun)("a server that goes away while a Python worker works", () => {
  let ports: Embedded;
  let server: RunningServer;
  let worker: PythonWorker;
  let at: Place;
  const dir = scratch();
  const book = join(dir, "book");
  const lines = (): string[] => (existsSync(book) ? readFileSync(book, "utf8").trim().split("\n") : []);

  beforeAll(async () => {
    ports = embedded();
    server = await startServer({ ports, version: "0.0.0", port: 0 });
    const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "tester" });
    at = { url: server.url, key };
    const env = { WORKER_NAME: "alone", BOOK: book };
    worker = await startPythonWorker(workerFile("walk.py"), { ...at, deployment: "outage", env });
  }, 120_000);
  afterAll(async () => {
    await worker?.stop();
    await server?.close(500);
    ports?.close();
  }, 60_000);

  test("and comes back: the activity that ended meanwhile is recorded once, and the worker goes on", async () => {
    const file = join(dir, "go");
    const id = await start(at, "walk", { steps: 2, wait_at: 0, wait_for: file }, "outage");
    await expect.poll(lines, { timeout: 30_000 }).toHaveLength(1);
    const { port } = new URL(server.url);
    await server.close(0);
    touch(file);
    await worker.says("is tried again");
    server = await startServer({ ports, version: "0.0.0", port: Number(port) });
    expect(await closed(at, id, 60)).toEqual(["COMPLETED", { result: 2 }]);
    const events = await history(at, id);
    expect(events.filter(({ kind }) => kind === "activity_completed").map((one) => one.activity)).toEqual([1, 2]);
    expect(lines().map((line) => line.replace(/ \S+\/\d+/, ""))).toEqual([
      "step 0 attempt 1 alone",
      "step 1 attempt 1 alone",
    ]);
    const next = await start(at, "walk", { steps: 1 }, "outage");
    expect(await closed(at, next, 60)).toEqual(["COMPLETED", { result: 1 }]);
    expect(worker.process.exitCode).toBeNull();
  }, 180_000);
});
