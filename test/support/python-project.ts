/** An empty folder with the built wheel of `sirocco-worker` and what pip or uv installs with it, as a user's. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { buildWheel } from "../../packaging/python.ts";
import { findPython, pythonEnvironment } from "../../packaging/python-env.ts";
import { type PythonWorker, startPythonWorker, workerFile } from "./python-worker.ts";

const run = promisify(execFile);

export interface PythonProject {
  /** Starts `python worker.py`, or `uv run python worker.py`: the file is a copy of one of the tests' workers, or has this text. */
  start(
    worker: string | { readonly text: string },
    options: {
      readonly url: string;
      readonly key: string;
      readonly deployment: string;
      readonly env?: Record<string, string>;
    },
  ): Promise<PythonWorker>;
  remove(): void;
}

let wheel: Promise<string> | undefined;
const built = (): Promise<string> => {
  wheel ??= buildWheel();
  return wheel;
};

export async function pythonProject(tool: "pip" | "uv"): Promise<PythonProject> {
  const path = mkdtempSync(join(tmpdir(), `sirocco-${tool}-`));
  const { python, args } = await (tool === "pip" ? withPip(path) : withUv(path));
  return {
    async start(of, { env, ...options }) {
      // A folder of its own: the workflow sandbox reads the file again later.
      const folder = join(path, options.deployment);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "worker.py"), typeof of === "string" ? readFileSync(workerFile(of)) : of.text);
      // The Node that the wheel brings along, not that of the tests.
      const clean = { SIROCCO_NODE: undefined, ...env };
      const worker = await startPythonWorker("worker.py", { ...options, python, args, cwd: folder, env: clean });
      const stop = () => {
        worker.process.kill("SIGTERM"); // uv passes it on; Ctrl-C it leaves to the terminal
        return worker.ended;
      };
      return { ...worker, stop };
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

async function withPip(path: string): Promise<{ python: string; args: string[] }> {
  const [interpreter, made] = await Promise.all([findPython(), built()]);
  await run(interpreter, ["-m", "venv", join(path, "venv")]);
  const python = join(path, "venv/bin/python");
  await run(python, ["-m", "pip", "install", "--quiet", "--no-compile", made]);
  return { python, args: [] };
}

async function withUv(path: string): Promise<{ python: string; args: string[] }> {
  const [interpreter, made, tools] = await Promise.all([
    findPython(),
    built(),
    pythonEnvironment(join(import.meta.dirname, "../python/uv.txt")),
  ]);
  const uv = join(dirname(tools), "uv");
  await run(uv, ["init", "--bare", "--python", interpreter], { cwd: path });
  await run(uv, ["add", "--python", interpreter, made], { cwd: path });
  return { python: uv, args: ["run", "python"] };
}
