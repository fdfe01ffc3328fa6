/** Workers of the official Python SDK, unmodified, against the server of one machine; `test/emulator` runs the same on AWS. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { activity, startWorker, workflow } from "../../sdk/index.ts";
import { type PythonWorker, startPythonWorker, whyNoPython, workerFile } from "../support/python-worker.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { checkEnds, checkExecution, checkWaits } from "./checks.ts";
import {
  checkCancellation,
  checkFailures,
  checkHandlers,
  checkHistory,
  checkHumanInput,
  checkLogs,
  checkMessages,
  checkResults,
  checkSearchKeys,
  checkStream,
  run,
} from "./surface-checks.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the tests of Python workers. ${cannotRun}`);

describe.skipIf(cannotRun)("a worker of the official Python SDK", () => {
  let at: TestServer;
  const workers: PythonWorker[] = [];
  beforeAll(async () => {
    at = await testServer();
    const files = [
      ["surface.py", "surface"],
      ["story.py", "py"],
      ["activities.py", "mixed"],
    ] as const;
    const starting = files.map(([file, deployment]) => startPythonWorker(workerFile(file), { ...at, deployment }));
    workers.push(...(await Promise.all(starting)));
  }, 180_000);
  afterAll(async () => {
    const ends = await Promise.all(workers.map((worker) => worker.stop()));
    await at?.close();
    expect(ends.map((end) => end.signal)).toEqual(["SIGINT", "SIGINT", "SIGINT"]); // not killed: Python ends so after Ctrl-C
  }, 60_000);

  test("brings activities, children, fan-out and continued runs to their results", () => checkResults(at), 90_000);
  test("records what the user's code did, and nothing of the SDK's bookkeeping", () => checkHistory(at), 60_000);
  test("is streamed by the official client, with the task events of its activities", () => checkStream(at), 60_000);
  test("sends what its code logs", () => checkLogs(at), 60_000);
  test("answers queries and updates, and refuses what does not fit", () => checkHandlers(at), 60_000);
  test("waits for a person's input", () => checkHumanInput(at), 60_000);
  test("sends messages to other executions", () => checkMessages(at), 60_000);
  test("cleans up when it is cancelled", () => checkCancellation(at), 60_000);
  test("fails on purpose, and waits after a bug", () => checkFailures(at), 90_000);
  test("can be found by search keys", () => checkSearchKeys(at), 60_000);

  test("runs activities for workflows in TypeScript of the same deployment, by name", async () => {
    const shout = activity({ name: "shout", input: z.string(), output: z.string() }, () => "");
    const mixed = workflow({ name: "mixed" }, async () => ({ said: await shout("hello") }));
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const typescript = await startWorker({
      ...{ url: at.url, apiKey: at.key, deployment: "mixed", name: "typescript", log },
      workflows: [mixed],
    });
    expect(await run(at, "mixed", {})).toEqual(["COMPLETED", { said: "HELLO!" }]);
    await typescript.stop();
  }, 60_000);

  test("serves the official Python client as the worker in TypeScript does", () => checkExecution(at), 120_000);
  test("lets the Python client wait in each of its ways", () => checkWaits(at), 60_000);
  test("lets the Python client cancel and terminate", () => checkEnds(at), 60_000);
});
