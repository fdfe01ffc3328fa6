/** A worker written in Python, as a process: the official SDK and this repository's `sirocco-worker`, from its sources. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { buildCore } from "../../packaging/python.ts";
import { pythonEnvironment, whyNoPython } from "../../packaging/python-env.ts";

export { whyNoPython };

export interface PythonWorker {
  readonly process: ChildProcess;
  /** Pid of the worker core, which the worker's log tells. */
  core(): Promise<number>;
  /** All lines of standard output and error until now. */
  log(): string;
  /** Waits until the log has this. */
  says(text: string | RegExp): Promise<void>;
  /** Ctrl-C; answers how the process ended. */
  stop(): Promise<Ended>;
  readonly ended: Promise<Ended>;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface PythonWorkerOptions {
  readonly url: string;
  readonly key: string;
  readonly deployment: string;
  readonly env?: Record<string, string | undefined>;
  /** Another interpreter than that of the tests. */
  readonly python?: string;
  /** Arguments before the file, and after it. */
  readonly args?: readonly string[];
  readonly after?: readonly string[];
  readonly cwd?: string;
}

let built: Promise<unknown> | undefined;
/** The bundled core and the environment, each made at most once a test file. */
export const preparePython = async (): Promise<string> => {
  built ??= buildCore();
  await built;
  return pythonEnvironment();
};

/** The folder of the worker files that the tests run. */
export const workerFile = (name: string): string => join(import.meta.dirname, "../python/workers", name);

/** The SDK's logger writes colours to any pipe. */
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, "g");

/** Starts the process; it registers a little later. */
export async function spawnPythonWorker(file: string, options: PythonWorkerOptions): Promise<PythonWorker> {
  const python = options.python ?? (await preparePython());
  const child = spawn(python, [...(options.args ?? []), file, ...(options.after ?? [])], {
    cwd: options.cwd,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      SIROCCO_NODE: process.execPath,
      LOG_LEVEL: "INFO",
      PYTHONUNBUFFERED: "1",
      SERVER_URL: options.url,
      MISTRAL_API_KEY: options.key,
      DEPLOYMENT_NAME: options.deployment,
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part.replaceAll(COLOURS, "");
      for (const look of [...waiting]) look();
    });
  }
  const ended = once(child, "close").then(([code, signal]): Ended => ({ code, signal }));
  const says = (what: string | RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (typeof what === "string" ? !text.includes(what) : !what.test(text)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      void ended.then(() =>
        reject(new Error(`the worker ended (exit code ${child.exitCode}) without saying ${what}:\n${text}`)),
      );
      look();
    });
  return {
    process: child,
    log: () => text,
    says,
    ended,
    core: async () => {
      const line = /worker core runs.*pid=(\d+)/;
      await says(line);
      return Number(line.exec(text)![1]);
    },
    stop: async () => {
      child.kill("SIGINT");
      return ended;
    },
  };
}

/** Starts the process and waits until the server knows the worker. */
export async function startPythonWorker(file: string, options: PythonWorkerOptions): Promise<PythonWorker> {
  const worker = await spawnPythonWorker(file, options);
  await worker.says("Starting Temporal worker");
  return worker;
}
