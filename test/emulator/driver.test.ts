// The scripts around the emulator.
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
import { cannotRun } from "./support.ts";

const endpoint = "http://127.0.0.1:4566";

describe("addresses of a deployment", () => {
  it("that lead to AWS are turned into paths of the endpoint", () => {
    expect(reachable(endpoint, "https://abc.execute-api.us-east-1.amazonaws.com/api/")).toBe(
      `${endpoint}/_aws/execute-api/abc/api`,
    );
    expect(reachable(endpoint, "https://xyz.lambda-url.us-east-1.on.aws/")).toBe(`${endpoint}/_aws/lambda-url/xyz`);
  });

  it("that lead to the emulator already are left as they are", () => {
    const own = "http://xyz.lambda-url.us-east-1.localhost.localstack.cloud:4566/";
    expect(reachable(endpoint, own)).toBe(own.slice(0, -1));
  });
});

describe("Python", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("that is missing is named, with what was tried and what works without it", async () => {
    vi.stubEnv("PYTHON", "/nowhere/python3");
    const failure = await findPython().catch((error: Error) => error);
    expect(failure).toBeInstanceOf(PythonMissing);
    expect((failure as Error).message).toMatch(
      /needs Python 3\.10.*Tried: \/nowhere\/python3: not found.*apt install python3/s,
    );
  });

  it("that is something else is not taken for one", async () => {
    vi.stubEnv("PYTHON", process.execPath);
    await expect(findPython()).rejects.toThrow(PythonMissing);
  });
});

describe("the driver", () => {
  it("leaves a port alone on which something else listens, and says so", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expect(startEmulator({ port })).rejects.toThrow(`listens on port ${port}: stop it`);
    other.close();
  });

  it("says that nothing runs on a port instead of ending something else", async () => {
    expect(await stopEmulator(await freePort())).toBe(false);
  });

  it("reports a command that failed with its end and its last words", async () => {
    const failing = run(process.execPath, ["-e", "console.error('the reason'); process.exit(3)"]);
    await expect(failing).rejects.toThrow(CommandFailed);
    await expect(failing).rejects.toThrow(/exit code 3\nthe reason/);
  });
});

describe.skipIf(cannotRun)("the emulator", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("leaves nothing in the machine's temporary folder when it has been stopped", async () => {
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
