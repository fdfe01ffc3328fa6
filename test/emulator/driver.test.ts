// The scripts that start, stop and use the emulator.
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { reachable } from "../../localstack/deploy.ts";
import { freePort, startEmulator, stopEmulator } from "../../localstack/emulator.ts";
import { CommandFailed, run } from "../../localstack/process.ts";
import { findPython, PythonMissing } from "../../localstack/python.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun } from "./support.ts";

const endpoint = "http://127.0.0.1:4566";

describe("URLs of a deployment", () => {
  it("with hosts of AWS become paths of the endpoint", () => {
    expect(reachable(endpoint, "https://abc.execute-api.us-east-1.amazonaws.com/api/")).toBe(
      `${endpoint}/_aws/execute-api/abc/api`,
    );
    expect(reachable(endpoint, "https://xyz.lambda-url.us-east-1.on.aws/")).toBe(`${endpoint}/_aws/lambda-url/xyz`);
  });

  it("with hosts of an emulator are left unchanged", () => {
    const own = "http://xyz.lambda-url.us-east-1.localhost.localstack.cloud:4566/";
    expect(reachable(endpoint, own)).toBe(own.slice(0, -1));
  });
});

describe("Python", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("that is missing is an error with the candidates tried and how to install it", async () => {
    vi.stubEnv("PYTHON", "/nowhere/python3");
    const failure = await findPython().catch((error: Error) => error);
    expect(failure).toBeInstanceOf(PythonMissing);
    expect((failure as Error).message).toMatch(
      /needs Python 3\.10.*Tried: \/nowhere\/python3: not found.*apt install python3/s,
    );
  });

  it("that is another program is refused", async () => {
    vi.stubEnv("PYTHON", process.execPath);
    await expect(findPython()).rejects.toThrow(PythonMissing);
  });
});

describe("the driver", () => {
  it("refuses a port on which another program listens", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expect(startEmulator({ port })).rejects.toThrow(`listens on port ${port}: stop it`);
    other.close();
  });

  it("stops nothing on a port without an emulator", async () => {
    expect(await stopEmulator(await freePort())).toBe(false);
  });

  it("reports a failed command with its exit code and its last output", async () => {
    const failing = run(process.execPath, ["-e", "console.error('the reason'); process.exit(3)"]);
    await expect(failing).rejects.toThrow(CommandFailed);
    await expect(failing).rejects.toThrow(/exit code 3\nthe reason/);
  });
});

describeUnless(cannotRun)("the emulator", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("leaves no files in the machine's temporary folder after it has stopped", async () => {
    const temporary = await mkdtemp(path.join(tmpdir(), "sirocco-driver-"));
    try {
      vi.stubEnv("TMPDIR", temporary);
      const { port, started } = await startEmulator({ port: await freePort(), endWithCaller: true });
      expect(started).toBe(true);
      expect(await readdir(temporary)).toEqual([`sirocco-emulator-${port}`]);
      await stopEmulator(port);
      expect(await readdir(temporary)).toEqual([]);
    } finally {
      await rm(temporary, { recursive: true });
    }
  });
});
