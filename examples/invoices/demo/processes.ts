/** The processes of the demo. All of them end with the demo, even if it is killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Makes a process exit when the process that started it has ended. */
const TETHER = fileURLToPath(new URL("../../../cli/dev/tether.ts", import.meta.url));
const PYTHON_TETHER = fileURLToPath(new URL("./tethered.py", import.meta.url));
export const CLI = fileURLToPath(new URL("../../../cli/bin.js", import.meta.url));

export interface Running {
  readonly name: string;
  readonly pid: number;
  /** The lines of its standard output. */
  readonly lines: Interface;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

export class Processes {
  readonly #logs: string;
  readonly #running = new Set<ChildProcess>();

  /** Output is also appended to `<name>.log` in `logs`. */
  constructor(logs: string) {
    this.#logs = logs;
    process.on("exit", () => this.killAll());
  }

  /** Starts a program on Node, or on `python`. */
  start(name: string, args: readonly string[], env: Readonly<Record<string, string>>, python?: string): Running {
    const child = spawn(python ?? process.execPath, [...(python ? [PYTHON_TETHER] : ["--import", TETHER]), ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.#running.add(child);
    const log = createWriteStream(join(this.#logs, `${name}.log`), { flags: "a" });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    const ended = new Promise<number | NodeJS.Signals>((resolve) => {
      child.once("exit", (code, signal) => {
        this.#running.delete(child);
        resolve(signal ?? code ?? 1);
      });
    });
    return {
      name,
      pid: child.pid ?? 0,
      lines: createInterface({ input: child.stdout }),
      ended,
      async end(signal) {
        child.kill(signal);
        await ended;
      },
    };
  }

  killAll(): void {
    for (const child of this.#running) child.kill("SIGKILL");
  }
}
