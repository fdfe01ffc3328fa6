// Finds Python and makes the virtual environment that holds the pinned emulator.
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { requirementsFile, stateDir, venvDir } from "./paths.ts";
import { run } from "./process.ts";

/** The emulator's release needs 3.10; the project's tests run on 3.11. */
const MINIMUM = [3, 10] as const;

export class PythonMissing extends Error {
  override readonly name = "PythonMissing";
  constructor(tried: string[]) {
    super(
      `The AWS emulator needs Python ${MINIMUM.join(".")} or newer with its venv module. Tried: ${tried.join("; ")}. ` +
        "Install it (Debian: apt install python3 python3-venv, macOS: brew install python) or name one with PYTHON=/path/to/python3. " +
        "Everything that does not touch AWS works without it.",
    );
  }
}

/**
 * The Python that will run the emulator: `PYTHON` if set, else `python3`, else `python`.
 * @throws {PythonMissing} saying what each candidate answered.
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

/** Why the emulator cannot be started here, or nothing. One that is installed already needs no other Python. */
export async function whyNoEmulator(): Promise<string | undefined> {
  if (existsSync(interpreterIn(venvDir()))) return undefined;
  return findPython().then(
    () => undefined,
    (error: PythonMissing) => error.message,
  );
}

/**
 * Answers the interpreter inside the virtual environment, installing the pinned requirements first if they are not
 * there yet (about 15 s, once). Several callers may race: each installs into a folder of its own and the first to
 * finish gives it its final name, so no one ever sees half an installation.
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
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error; // somebody else was first: theirs is as good
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return interpreter;
}
