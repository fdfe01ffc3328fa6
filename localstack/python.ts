// Finds Python and creates the virtual environment of the pinned emulator.
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { requirementsFile, stateDir, venvDir } from "./paths.ts";
import { run } from "./process.ts";

/** The emulator's release needs 3.10. The project's tests run on 3.11. */
const MINIMUM = [3, 10] as const;

export class PythonMissing extends Error {
  override readonly name = "PythonMissing";
  constructor(tried: string[]) {
    super(
      `The AWS emulator needs Python ${MINIMUM.join(".")} or newer with its venv module. Tried: ${tried.join("; ")}. ` +
        "Install it (Debian: apt install python3 python3-venv, macOS: brew install python) or set PYTHON=/path/to/python3. " +
        "Everything that does not use AWS works without it.",
    );
  }
}

/**
 * The Python for the emulator: `PYTHON` if set, else `python3`, else `python`.
 * @throws {PythonMissing} with the answer of each candidate.
 */
export async function findPython(): Promise<string> {
  const tried: string[] = [];
  const probe = "import sys, venv, ensurepip; print('.'.join(map(str, sys.version_info[:3])))";
  for (const candidate of process.env.PYTHON ? [process.env.PYTHON] : ["python3", "python"]) {
    try {
      const version = (await run(candidate, ["-c", probe])).trim();
      const [major = 0, minor = 0] = version.split(".").map(Number);
      if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return candidate;
      tried.push(`${candidate} is ${version}`);
    } catch (error) {
      const said = (error as Error).message.split("\n");
      tried.push(`${candidate}: ${said.length > 1 ? said.at(-1) : "not found"}`);
    }
  }
  throw new PythonMissing(tried);
}

const interpreterIn = (venv: string): string =>
  path.join(venv, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");

/** Why the emulator cannot start on this machine, undefined = it can. An installed one needs no further Python. */
export async function whyNoEmulator(): Promise<string | undefined> {
  if (existsSync(interpreterIn(venvDir()))) return undefined;
  return findPython().then(
    () => undefined,
    (error: PythonMissing) => error.message,
  );
}

/**
 * Answers the interpreter of the virtual environment, after installing the pinned requirements if they are missing (about
 * 15 s, once). Concurrent callers each install into a folder of their own, and the first to finish renames it to its final
 * name: no caller uses a half installation.
 */
export async function installEmulator(): Promise<string> {
  const venv = venvDir();
  const interpreter = interpreterIn(venv);
  if (existsSync(interpreter)) return interpreter;
  const python = await findPython();
  await mkdir(stateDir, { recursive: true });
  const draft = `${venv}.${process.pid}`;
  try {
    await run(python, ["-m", "venv", draft]);
    const inDraft = path.join(draft, path.relative(venv, interpreter));
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"];
    await run(inDraft, [...pip, "--requirement", requirementsFile]);
    await rename(draft, venv).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error; // another caller was first, and its installation is the same
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return interpreter;
}
