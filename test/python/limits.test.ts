/** Rate limits and sticky sessions of the official Python SDK, unmodified: the server holds them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_WORKSPACE } from "../../shared/api/auth.ts";
import { type PythonWorker, startPythonWorker, whyNoPython, workerFile } from "../support/python-worker.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { checkRateLimit, checkStickySessions, checkWithoutSession } from "./limits-checks.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the tests of Python workers. ${cannotRun}`);

describe.skipIf(cannotRun)("two workers of the official Python SDK", () => {
  let at: TestServer;
  let workers: PythonWorker[];
  beforeAll(async () => {
    at = await testServer();
    const start = () => startPythonWorker(workerFile("limits.py"), { ...at, deployment: "limits" });
    workers = await Promise.all([start(), start()]);
  }, 180_000);
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await at?.close();
  }, 60_000);

  test("share one rate limit: of five calls with two in two seconds the last begins after four", async () => {
    await checkRateLimit(at);
    expect(await at.ports.rateLimits.pool(DEFAULT_WORKSPACE, "provider")).toMatchObject({ per: 2_000 });
  }, 60_000);
  test("run the activities of a sticky session in one process", () => checkStickySessions(at), 60_000);
  test("find a sticky activity without a session to be a bug", () => checkWithoutSession(at), 60_000);
});
