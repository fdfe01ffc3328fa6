/** Runs the official Python client in a virtual environment under `.emulator`. The first run installs it (about 20 s). */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { stateDir } from "../../localstack/paths.ts";
import { findPython } from "../../localstack/python.ts";

const run = promisify(execFile);
const requirements = join(import.meta.dirname, "requirements.txt");
const pins = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
const venv = join(stateDir, `client-${pins}`);
const interpreter = join(venv, "bin/python");

/** Why these tests cannot run on this machine, or undefined. With `CI` set they run, and fail with this sentence. */
export async function whyNoPythonClient(): Promise<string | undefined> {
  if (process.env.CI || existsSync(interpreter)) return undefined;
  return findPython().then(
    () => undefined,
    (error: Error) => error.message,
  );
}

async function install(): Promise<void> {
  if (existsSync(interpreter)) return;
  await mkdir(stateDir, { recursive: true });
  const draft = `${venv}.${process.pid}`;
  try {
    await run(await findPython(), ["-m", "venv", draft]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"];
    await run(join(draft, "bin/python"), [...pip, "--requirement", requirements]);
    await rename(draft, venv).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error; // another process was first
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Runs one scenario of a script beside this file against a server. Answers the JSON that it printed. */
export async function python(
  script: "schedules" | "executions" | "encoding" | "operations",
  to: { readonly url: string; readonly key: string },
  ...args: string[]
): Promise<Record<string, unknown>> {
  await install();
  const env = { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: "1", SIROCCO_URL: to.url, SIROCCO_API_KEY: to.key };
  const { stdout } = await run(interpreter, [join(import.meta.dirname, `${script}.py`), ...args], { env });
  return JSON.parse(stdout) as Record<string, unknown>;
}
