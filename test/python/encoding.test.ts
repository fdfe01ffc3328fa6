/** The official Python client with its encoding, and workers of both SDKs, on one machine. */
import { afterAll, beforeAll, describe, test } from "vitest";
import { startPythonWorker, whyNoPython, workerFile } from "../support/python-worker.ts";
import { type S3Server, s3Server } from "../support/s3-server.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { whyNoPythonClient } from "./client.ts";
import {
  checkEncryption,
  checkHiddenBlobs,
  checkOffloading,
  checkPartialEncryption,
  checkRotation,
  encodingOf,
  type Serve,
  type Settings,
} from "./encoding-checks.ts";
import { startEncodingWorker } from "./encoding-workflows.ts";

const cannotRun = (await whyNoPythonClient()) ?? (await whyNoPython());
if (cannotRun) console.warn(`Skipping the tests of encoded payloads with Python. ${cannotRun}`);

const typescript: Serve = (at, deployment, settings) => startEncodingWorker(at, deployment, encodingOf(settings));

/** As the official SDK reads them. */
function variables({ mode, key, previous, s3 }: Settings): Record<string, string> {
  const store = "TEMPORAL_PAYLOAD_OFFLOADING__STORAGE_CONFIG__";
  return {
    TEMPORAL_PAYLOAD_ENCRYPTION__MODE: mode,
    TEMPORAL_PAYLOAD_ENCRYPTION__MAIN_KEY: key,
    ...(previous && { TEMPORAL_PAYLOAD_ENCRYPTION__SECONDARY_KEY: previous }),
    ...(s3 && {
      TEMPORAL_PAYLOAD_COMPRESSION__MIN_SIZE_BYTES: "10000",
      TEMPORAL_PAYLOAD_OFFLOADING__MIN_SIZE_BYTES: "100000",
      [`${store}BUCKET_NAME`]: "blobs",
      [`${store}PREFIX`]: "mine",
      [`${store}REGION_NAME`]: "us-east-1",
      [`${store}ENDPOINT_URL`]: s3,
      [`${store}AWS_ACCESS_KEY_ID`]: "test",
      [`${store}AWS_SECRET_ACCESS_KEY`]: "test",
    }),
  };
}
const official: Serve = (at, deployment, settings) =>
  startPythonWorker(workerFile("encoded.py"), { ...at, deployment, env: variables(settings) });

describe.skipIf(cannotRun)("the Python client that encodes its payloads", () => {
  let at: TestServer;
  let s3: S3Server;
  beforeAll(async () => {
    at = await testServer();
    s3 = await s3Server();
  });
  afterAll(async () => {
    await at?.close();
    await s3?.close();
  });

  describe.each([
    ["a worker in TypeScript", typescript, { name: "Ada III" }],
    ["a worker of the official Python SDK", official, ["Ada III"]],
  ] as const)("with %s", (_, serve, started) => {
    test("shares fully encrypted payloads", () => checkEncryption(at, serve, started), 120_000);
    test("shares marked texts", () => checkPartialEncryption(at, serve), 120_000);
    test("goes on during a rotation of keys", () => checkRotation(at, serve), 120_000);
    test("shares compressed payloads, and offloaded ones", () => checkOffloading(at, serve, s3.endpoint), 120_000);
  });
  test(
    "reads blobs that a worker in TypeScript has encrypted",
    () => checkHiddenBlobs(at, typescript, s3.endpoint),
    60_000,
  );
});
