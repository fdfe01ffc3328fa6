/** The official Python client with its encoding, and workers with ours, on one machine. `test/emulator` runs it on AWS. */
import { afterAll, beforeAll, test } from "vitest";
import { s3Store } from "../../sdk/encoding/index.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { type S3Server, s3Server } from "../support/s3-server.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { whyNoPythonClient } from "./client.ts";
import { checkEncryption, checkOffloading, checkPartialEncryption, checkRotation } from "./encoding-checks.ts";

const cannotRun = await whyNoPythonClient();

describeUnless(cannotRun)("the Python client that encodes its payloads", () => {
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

  test("shares fully encrypted payloads with a worker", () => checkEncryption(at), 120_000);
  test("shares marked texts with a worker", () => checkPartialEncryption(at), 60_000);
  test("goes on during a rotation of keys", () => checkRotation(at), 60_000);
  test("shares compressed payloads with a worker, and offloaded ones", async () => {
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const at3 = {
      bucket: "blobs",
      prefix: "mine",
      region: "us-east-1",
      endpoint: s3.endpoint,
      client: { credentials },
    };
    await checkOffloading(at, s3.endpoint, s3Store(at3));
  }, 60_000);
});
