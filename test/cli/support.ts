/** Runs the command line as a process of its own, or inside the test process where only its output matters. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import { main } from "../../cli/main.ts";

export const BIN = fileURLToPath(new URL("../../cli/bin.js", import.meta.url));
const LIMIT_MS = 20_000;

export function temporaryDirectory(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "sirocco-cli-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
  readonly columns?: number;
  readonly signal?: AbortSignal;
  /** Called with each line that is printed. */
  readonly onLine?: (line: string) => void;
}

/** Runs a command line inside this process. */
export async function cli(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const keep = (lines: string[]) => (line: string) => {
    lines.push(line);
    options.onLine?.(line);
  };
  const code = await main(argv, {
    out: keep(out),
    err: keep(err),
    stdin: async () => options.stdin ?? "",
    env: options.env ?? {},
    cwd: options.cwd ?? "/nonexistent",
    color: false,
    terminal: true,
    columns: options.columns ?? null,
    signal: options.signal ?? new AbortController().signal,
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

/** The environment of the test process without Sirocco's variables, and with those of the test. */
function cleanEnv(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { SIROCCO_URL: _, SIROCCO_API_KEY: __, DEPLOYMENT_NAME: ___, ...rest } = process.env;
  return { ...rest, ...env };
}

export class Process {
  readonly child: ChildProcess;
  out = "";
  err = "";
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #waiting = new Set<() => void>();

  constructor(command: string, args: readonly string[], options: Pick<RunOptions, "env" | "cwd"> = {}) {
    this.child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: cleanEnv(options.env ?? {}),
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    const wake = () => {
      for (const waiting of [...this.#waiting]) waiting();
    };
    this.child.stdout?.on("data", (part) => {
      this.out += part;
      wake();
    });
    this.child.stderr?.on("data", (part) => {
      this.err += part;
      wake();
    });
    this.ended = new Promise((resolve) => {
      this.child.once("close", (code, signal) => {
        resolve(signal ?? code ?? 1);
        wake();
      });
    });
  }

  /** Waits until the pattern matches standard output or standard error, and answers the match. */
  async waitForOutput(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      const found = pattern.exec(this.out) ?? pattern.exec(this.err);
      if (found) return found;
      const over = this.child.exitCode !== null || Date.now() > deadline;
      if (over) throw new Error(`${pattern} was not printed.\n--- stdout\n${this.out}\n--- stderr\n${this.err}`);
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, 250);
        this.#waiting.add(done);
      });
    }
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Runs the real program. */
export const bin = (args: readonly string[], options?: Pick<RunOptions, "env" | "cwd">): Process =>
  new Process(process.execPath, [BIN, ...args], options);

export interface Dev {
  readonly process: Process;
  readonly url: string;
  readonly key: string;
  /** The variables for clients and workers of this server. */
  readonly env: { SIROCCO_URL: string; SIROCCO_API_KEY: string };
}

/** The key of a development server whose standard output is no terminal: it names the file. */
export async function keyPrintedBy(dev: Process): Promise<string> {
  const [, file] = await dev.waitForOutput(/the API key is in (.+), which only you can read"?\}?\n/);
  return readFileSync(file!, "utf8").trim();
}

/** Servers of a test file: what is in `running` ends with SIGKILL after each test. */
export function devServers() {
  const running: Process[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((process) => process.end("SIGKILL")));
  });
  const started = async (args: readonly string[], options?: Parameters<typeof dev>[1]): Promise<Dev> => {
    const one = await dev(args, options);
    running.push(one.process);
    return one;
  };
  return { running, started };
}

/** Starts `sirocco dev`, and waits until it listens. */
export async function dev(args: readonly string[], options?: Pick<RunOptions, "env" | "cwd">): Promise<Dev> {
  const process = bin(["dev", "--port", "0", ...args], options);
  const [, url] = (await process.waitForOutput(/SIROCCO_URL=(\S+)\n/)) as unknown as [string, string];
  const key = await keyPrintedBy(process);
  return { process, url, key, env: { SIROCCO_URL: url, SIROCCO_API_KEY: key } };
}
