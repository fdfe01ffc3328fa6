/** The worker of `sirocco dev --worker`: a process of its own, restarted whenever one of its files changes. */
import { type ChildProcess, spawn } from "node:child_process";
import { basename, isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { WatchedFiles } from "./watched-files.ts";

/** Several files that are saved together cause one restart. */
const GATHER_MS = 100;
/** Time for a worker to finish its activities before a restart kills it. */
const RESTART_GRACE_MS = 35_000;
/** With this code a worker ends that was blocked by code of its user: it must start again at once. */
const BLOCKED = 70;

export interface WorkerProcess {
  /** Lets the worker finish its activities, and kills it after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface WorkerProcessOptions {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  readonly say: (line: string) => void;
}

export function startWorkerProcess(options: WorkerProcessOptions): WorkerProcess {
  const worker = new ReloadedWorker(options);
  return { stop: (graceMs) => worker.stop(graceMs) };
}

/**
 * The worker leads a process group, which an exiting server kills as a whole, and has the tether (`tether.ts`), so that it
 * also ends when the server is killed. Its output goes to standard error, for standard output holds the two lines of the
 * server alone. Node reports the files that it loads over the IPC channel, as to its own watch mode.
 */
class ReloadedWorker {
  readonly #o: WorkerProcessOptions;
  readonly #files: WatchedFiles;
  readonly #killAll = () => signalGroup(this.#child, "SIGKILL");
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #restarting: Promise<void> | null = null;
  #stopped = false;

  constructor(options: WorkerProcessOptions) {
    this.#o = options;
    this.#files = new WatchedFiles(options.file, (_, known) => {
      // After a failed start nobody knows which files the worker would have loaded.
      if (known || this.#child === null) this.#restartSoon();
    });
    process.on("exit", this.#killAll);
    this.#start();
  }

  #start(): void {
    if (this.#stopped) return;
    const { file, env, say } = this.#o;
    const child = spawn(process.execPath, ["--import", import.meta.resolve("#tether"), file], {
      stdio: ["pipe", 2, "inherit", "ipc"],
      detached: true,
      env: { ...process.env, ...env, WATCH_REPORT_DEPENDENCIES: "1" },
    });
    this.#child = child;
    child.on("message", (message) => {
      for (const path of loadedFiles(message)) this.#files.add(path);
    });
    this.#ended = new Promise((resolve) => {
      child.once("error", () => resolve());
      child.once("exit", () => resolve());
    });
    child.once("exit", (code, signal) => {
      if (this.#child !== child) return;
      this.#child = null;
      if (this.#stopped || this.#restarting) return;
      if (code === BLOCKED) return this.#restartSoon();
      const how = code === 0 ? "has ended" : `has ended with ${signal ?? `exit code ${code}`}`;
      say(`worker ${basename(file)} ${how}; it starts again when a file changes`);
    });
  }

  #restartSoon(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#restarting = (this.#restarting ?? Promise.resolve()).then(() => this.#restart());
    }, GATHER_MS);
  }

  async #restart(): Promise<void> {
    if (this.#stopped) return;
    this.#o.say(`worker ${basename(this.#o.file)} starts again: a file has changed`);
    await this.#end(RESTART_GRACE_MS);
    this.#restarting = null;
    this.#start();
  }

  async #end(graceMs: number): Promise<void> {
    this.#child?.kill("SIGTERM");
    const late = setTimeout(this.#killAll, graceMs);
    await this.#ended;
    clearTimeout(late);
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#files.close();
    await this.#end(graceMs);
    process.off("exit", this.#killAll);
  }
}

/** Node sends `{"watch:import": [url]}` and `{"watch:require": [path]}`; an entry is null for a module without a file. */
function loadedFiles(message: unknown): string[] {
  const { "watch:import": imported, "watch:require": required } = (message ?? {}) as Record<string, unknown>;
  const reported = [imported, required].flatMap((list) => (Array.isArray(list) ? list : []));
  return reported.flatMap((entry) => {
    if (typeof entry !== "string") return [];
    if (entry.startsWith("file:")) return [fileURLToPath(entry)];
    return isAbsolute(entry) ? [entry] : [];
  });
}

function signalGroup(child: ChildProcess | null, signal: NodeJS.Signals): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // the process group has ended already
  }
}
