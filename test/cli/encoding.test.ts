/** Encoded payloads on the command line: a lock without the key, plain values with it. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningWorker } from "../../sdk/index.ts";
import { startEncodingWorker } from "../python/encoding-workflows.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { cli, temporaryDirectory } from "./support.ts";

const key = randomBytes(32).toString("hex");
let at: TestServer;
let worker: RunningWorker;
let directory: ReturnType<typeof temporaryDirectory>;
beforeAll(async () => {
  at = await testServer();
  worker = await startEncodingWorker(at, "cli", { encryption: { mode: "full", key } });
  directory = temporaryDirectory();
});
afterAll(async () => {
  await worker?.stop();
  await at?.close();
  directory?.remove();
});

const run = (line: string, env: Record<string, string> = {}) =>
  cli(line.split(" "), { env: { SIROCCO_URL: at.url, SIROCCO_API_KEY: at.key, ...env }, cwd: directory.path });

test("without the key payloads are shown as locks, with it they are sent encrypted and shown decoded", async () => {
  const withKey = { SIROCCO_PAYLOAD_KEY: key };
  const started = await run('start echo --id cli-1 --wait --input {"secret":"Ada"}', withKey);
  expect(started).toMatchObject({ code: 0, out: expect.stringContaining('"secret": "Ada"') });
  for (const command of ["get cli-1", "history cli-1", "tail cli-1"]) {
    const closed = await run(command);
    expect(closed).toMatchObject({ code: 0, out: expect.stringMatching(/🔒 encrypted \(\d+ bytes\)/) });
    expect(closed.out).not.toContain("Ada");
    expect((await run(command, withKey)).out).toContain("Ada");
  }
  const raw = JSON.parse((await run("get cli-1 --json")).out) as { result: { encoding_options: string[] } };
  expect(raw.result.encoding_options).toEqual(["encrypted"]);
});

test("the key comes from a file, with those of before a rotation on further lines", async () => {
  writeFileSync(join(directory.path, "keys"), `${randomBytes(32).toString("hex")}\n${key}\n`);
  expect((await run("get cli-1", { SIROCCO_PAYLOAD_KEY_FILE: "keys" })).out).toContain('"secret": "Ada"');
});

test("a key that does not fit leaves the lock, and what is no key is a usage error that does not show it", async () => {
  const other = { SIROCCO_PAYLOAD_KEY: randomBytes(32).toString("hex") };
  expect((await run("get cli-1", other)).out).toMatch(/🔒 encrypted/);
  const wrong = await run("get cli-1", { SIROCCO_PAYLOAD_KEY: "hunter2" });
  expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining("32, 48 or 64 hexadecimal digits") });
  expect(wrong.err).not.toContain("hunter2");
  const missing = await run("get cli-1", { SIROCCO_PAYLOAD_KEY_FILE: "none" });
  expect(missing).toMatchObject({ code: 2, err: expect.stringContaining("SIROCCO_PAYLOAD_KEY_FILE cannot be read") });
});
