/** The official plugin `mistralai` (agents, tools), unmodified, in an environment of its own, whose first use makes it. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pythonEnvironment } from "../../packaging/python-env.ts";
import {
  type PythonWorker,
  preparePython,
  startPythonWorker,
  whyNoPython,
  workerFile,
} from "../support/python-worker.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { closed, history, start } from "./surface-checks.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the test of the official plugin. ${cannotRun}`);

describe.skipIf(cannotRun)("a worker with the plugin `mistralai`", () => {
  let at: TestServer;
  let worker: PythonWorker;
  beforeAll(async () => {
    at = await testServer();
    await preparePython(); // the worker core
    const python = await pythonEnvironment(join(import.meta.dirname, "plugin.txt"));
    worker = await startPythonWorker(workerFile("agent.py"), { ...at, python, deployment: "agents" });
  }, 300_000);
  afterAll(async () => {
    await worker?.stop();
    await at?.close();
  }, 30_000);

  test("runs an agent in a workflow, and its tool as an activity", async () => {
    const id = await start(at, "agent", { question: "How is the weather?" });
    const [status, result] = await closed(at, id);
    expect([status, result], JSON.stringify((await history(at, id)).at(-1))).toEqual([
      "COMPLETED",
      { result: "Take an umbrella: rain in Brest" },
    ]);
    expect((await history(at, id)).map((event) => [event.kind, event.name])).toEqual([
      ["execution_started", undefined],
      ["activity_scheduled", "weather"],
      ["activity_completed", "weather"],
      ["execution_completed", undefined],
    ]);
  }, 60_000);
});
