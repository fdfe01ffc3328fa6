/** The official Python client, unmodified, against the server of one machine. `test/emulator` runs the same checks on AWS. */
import { afterAll, beforeAll, test } from "vitest";
import { type RunningServer, startServer } from "../../cli/server/index.ts";
import type { RunningWorker } from "../../sdk/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { type Embedded, embedded } from "../../shared/server/embedded.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { checkChanges, checkEnds, checkExecution, checkLists, checkWaits } from "./checks.ts";
import { whyNoPythonClient } from "./client.ts";
import { startStoryWorker } from "./story.ts";

const cannotRun = await whyNoPythonClient();

describeUnless(cannotRun)("the Python client on one machine", () => {
  let engine: Embedded;
  let server: RunningServer;
  let worker: RunningWorker;
  let at: { url: string; key: string };
  beforeAll(async () => {
    engine = embedded({});
    server = await startServer({ ports: engine, version: "0.0.0", port: 0 });
    const { key } = await createKey(engine, { workspace: DEFAULT_WORKSPACE, name: "test" });
    at = { url: server.url, key };
    worker = await startStoryWorker(server.url, key);
  });
  afterAll(async () => {
    await worker?.stop();
    await server?.close(1_000);
    engine?.close();
  });

  test("starts, asks, updates, signals, follows and finds an execution", () => checkExecution(at), 120_000);
  test("waits for results in each of its ways", () => checkWaits(at), 60_000);
  test("cancels, terminates, and reads refusals as its own errors", () => checkEnds(at), 60_000);
  test("changes titles and tags, archives, and unhardens", () => checkChanges(at), 60_000);
  test("lists workflows, deployments and workers", () => checkLists(at), 60_000);
});
