/** Every operation of the official Python client, unmodified, with every parameter. The list is read from the client itself. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningWorker } from "../../sdk/index.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { python, whyNoPythonClient } from "./client.ts";
import { startStoryWorker } from "./story.ts";

const cannotRun = await whyNoPythonClient();

describeUnless(cannotRun)("the Python client", () => {
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

  test("calls all of its operations with all of their parameters, but for those that the script names with a reason", async () => {
    expect(await python("operations", at)).toEqual({ missing: [], failed: [] });
  }, 180_000);
});
