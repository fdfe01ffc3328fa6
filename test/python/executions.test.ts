/** The official Python client, unmodified, against the server of one machine. `test/emulator` runs the same checks on AWS. */
import { afterAll, beforeAll, test } from "vitest";
import type { RunningWorker } from "../../sdk/index.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import {
  checkChanges,
  checkEnds,
  checkExecution,
  checkLists,
  checkMetrics,
  checkResets,
  checkWaits,
} from "./checks.ts";
import { whyNoPythonClient } from "./client.ts";
import { startStoryWorker } from "./story.ts";

const cannotRun = await whyNoPythonClient();

describeUnless(cannotRun)("the Python client on one machine", () => {
  let worker: RunningWorker;
  let at: TestServer;
  beforeAll(async () => {
    at = await testServer();
    worker = await startStoryWorker(at.url, at.key);
  });
  afterAll(async () => {
    await worker?.stop();
    await at?.close();
  });

  test("starts, asks, updates, signals, follows and finds an execution", () => checkExecution(at), 120_000);
  test("waits for results in each of its ways", () => checkWaits(at), 60_000);
  test("cancels, terminates, and reads refusals as its own errors", () => checkEnds(at), 60_000);
  test("resets an execution that has completed, and reads which events it could name", () => checkResets(at), 60_000);
  test("changes titles and tags, archives, and unhardens", () => checkChanges(at), 60_000);
  test("reads the metrics of a workflow", () => checkMetrics(at), 60_000);
  test("lists workflows, deployments and workers", () => checkLists(at), 60_000);
});
