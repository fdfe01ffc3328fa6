/**
 * The contract under fuzz: Schemathesis reads `/openapi.json` of a server and sends requests that the document allows and
 * requests that it forbids. `schemathesis.toml` has the exceptions, each with its reason.
 */
import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pythonEnvironment } from "../../../packaging/python-env.ts";
import { describeUnless } from "../../support/describe-unless.ts";
import { whyNoPython } from "../../support/python-worker.ts";
import { type Attacked, attacked } from "./installation.ts";
import { repeat, seedOf } from "./seed.ts";

const SECONDS = 40;
/** Always the same one, because a run is a test of the document too: chance must not decide whether a commit is red. */
const SEED = seedOf(1);
const REPEAT = repeat(SEED);
const hooks = path.join(import.meta.dirname, "hooks.py");
const requirements = path.join(import.meta.dirname, "requirements.txt");

/** Without a network the packages cannot be installed. With `CI` set that is a failure. */
async function whyNot(): Promise<string | undefined> {
  const noPython = await whyNoPython();
  if (noPython !== undefined) return noPython;
  try {
    await pythonEnvironment(requirements);
    return undefined;
  } catch (error) {
    if (process.env.CI) throw error;
    return `Schemathesis could not be installed: ${(error as Error).message}`;
  }
}

async function schemathesis(url: string, key: string): Promise<{ code: number; output: string }> {
  const python = await pythonEnvironment(requirements);
  const options = ["--max-time", `${SECONDS}`, "--seed", `${SEED}`, "--continue-on-failure", "--no-color"];
  const run = ["run", `${url}/openapi.json`, "--header", `Authorization: Bearer ${key}`, ...options];
  // Schemathesis keeps what it finds in the folder where it runs, and begins with that the next time.
  const cwd = await mkdtemp(path.join(tmpdir(), "sirocco-schemathesis-"));
  const ended = new Promise<{ code: number; output: string }>((resolve) => {
    execFile(
      python,
      ["-m", "schemathesis.cli", "--config-file", path.join(import.meta.dirname, "schemathesis.toml"), ...run],
      {
        cwd,
        env: {
          ...process.env,
          PYTHONDONTWRITEBYTECODE: "1",
          SCHEMATHESIS_HOOKS: hooks,
          SIROCCO_FUZZ_KEY_ID: hash("sha256", key).slice(0, 16),
        },
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => resolve({ code: error ? 1 : 0, output: stdout + stderr || String(error) }),
    );
  });
  return ended.finally(() => rm(cwd, { recursive: true }));
}

describeUnless(await whyNot())("the contract under fuzz", () => {
  let installation: Attacked;
  beforeAll(async () => {
    installation = await attacked();
  });
  afterAll(() => installation.close());

  test("the server keeps every promise of its OpenAPI document, and harms nobody meanwhile", async () => {
    const { url, attacker, isUnharmed } = installation;
    const { code, output } = await schemathesis(url, attacker.key);
    expect(code, `${REPEAT}\n${output}`).toBe(0);
    await isUnharmed(REPEAT);
  }, 120_000);
});
