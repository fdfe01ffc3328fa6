/**
 * A Python of 3.12 or newer, and the virtual environment in which the package `sirocco-worker` is checked and tested from
 * its sources: made once for each set of pins, under `.python`.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STATE = join(ROOT, ".python");
const REQUIREMENTS = join(ROOT, "python/requirements-dev.txt");
const OLDEST_MINOR = 12;

class PythonMissing extends Error {
  override readonly name = "PythonMissing";
}

/** Newest last: the oldest supported one is what tests run on, so that nothing newer is used by accident. */
function candidates(): string[] {
  if (process.env.PYTHON_WORKER) return [process.env.PYTHON_WORKER];
  const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), ".pyenv"), "versions");
  const versions = existsSync(pyenv) ? readdirSync(pyenv).filter((name) => /^3\.\d+\.\d+$/.test(name)) : [];
  const minor = (name: string) => Number(name.split(".")[1]);
  const supported = versions.filter((name) => minor(name) >= OLDEST_MINOR).toSorted((a, b) => minor(a) - minor(b));
  return [
    "python3.12",
    ...supported.map((name) => join(pyenv, name, "bin/python")),
    "python3.13",
    "python3.14",
    "python3",
    "python",
  ];
}

/** Such as `3.12`. Fails where the program does not exist, or lacks a module that environments need. */
async function versionOf(candidate: string): Promise<string> {
  const probe = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])";
  return (await run(candidate, ["-c", probe])).stdout.trim();
}

function isSupported(version: string): boolean {
  const [major, minor] = version.split(".").map(Number);
  return major === 3 && minor! >= OLDEST_MINOR;
}

/** @throws {PythonMissing} */
export async function findPython(): Promise<string> {
  const tried: string[] = [];
  for (const candidate of candidates()) {
    try {
      const version = await versionOf(candidate);
      if (isSupported(version)) return candidate;
      tried.push(`${candidate} is ${version}`);
    } catch {
      tried.push(`${candidate}: not found`);
    }
  }
  throw new PythonMissing(
    `Python workers need Python 3.${OLDEST_MINOR} or newer with its venv module. Tried: ${tried.join("; ")}. ` +
      "Name one with PYTHON_WORKER=/path/to/python. Everything else works without it.",
  );
}

/** Why nothing of Python can be checked or tested here, or nothing. Where `CI` is set it is, and fails with this sentence. */
export async function whyNoPython(): Promise<string | undefined> {
  if (process.env.CI || existsSync(interpreter())) return undefined;
  return findPython().then(
    () => undefined,
    (error: Error) => error.message,
  );
}

function interpreter(requirements = REQUIREMENTS, base = process.env.PYTHON_WORKER ?? ""): string {
  const pins = createHash("sha256").update(readFileSync(requirements)).update(base);
  const venv = join(STATE, pins.digest("hex").slice(0, 12));
  return join(venv, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
}

/** A second interpreter of another minor version than `findPython` answers; undefined: there is none. */
export async function findOtherPython(): Promise<string | undefined> {
  const first = await versionOf(await findPython()).catch(() => undefined);
  for (const candidate of candidates()) {
    const version = await versionOf(candidate).catch(() => "");
    if (version !== first && isSupported(version)) return candidate;
  }
  return undefined;
}

/**
 * The interpreter of the environment with these packages, which is made first if it is not there (about 40 s, once).
 * Default: those of the package `sirocco-worker`, on the Python that `findPython` answers.
 */
export async function pythonEnvironment(requirements = REQUIREMENTS, base?: string): Promise<string> {
  const made = interpreter(requirements, base);
  if (existsSync(made)) return made;
  const venv = join(made, "../..");
  const draft = `${venv}.${process.pid}`;
  await mkdir(STATE, { recursive: true });
  try {
    await run(base ?? (await findPython()), ["-m", "venv", draft]);
    const python = join(draft, made.slice(venv.length + 1));
    await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
    const { stdout } = await run(python, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]);
    // As the wheel does it: the package can be imported, and it activates itself.
    const activation = readFileSync(join(ROOT, "python/sirocco_worker.pth"), "utf8");
    await writeFile(join(stdout.trim(), "sirocco_worker.pth"), `${join(ROOT, "python/src")}\n${activation}`);
    await rename(draft, venv).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error; // another process was first
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return made;
}
