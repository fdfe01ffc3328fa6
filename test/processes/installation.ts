/** A server and workers as real processes over a real file, so that tests can kill them. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Mistral } from "@mistralai/mistralai";

export const KEY = "process-test-key-1";
/** Short, so that another worker takes over quickly; the ratios are those of the defaults. */
export const SETTINGS = {
  leaseMs: 1_500,
  sessionTimeoutMs: 1_500,
  heartbeatMs: 400,
  claimTimeoutMs: 6_000,
  wakeTimeoutMs: 6_000,
  graceMs: 250,
  livenessMs: 2_000,
};

export interface Process {
  readonly child: ChildProcess;
  readonly ready: { url?: string; session?: string; warnings?: string[] };
  readonly ended: Promise<void>;
}

export interface UserWorker {
  readonly child: ChildProcess;
  /** Exit code or signal. */
  readonly ended: Promise<number | string>;
  readonly lines: readonly Record<string, unknown>[];
  /** The line of the log that holds this text, for the `times`-th time. */
  logged(text: string, times?: number): Promise<Record<string, unknown>>;
}

const freePort = (): Promise<number> =>
  new Promise((ok) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => ok(port));
    });
  });

export class Installation {
  readonly dir = mkdtempSync(join(tmpdir(), "sirocco-processes-"));
  readonly journal = join(this.dir, "journal.jsonl");
  readonly #children: ChildProcess[] = [];
  #port = 0;
  url = "";

  get file(): string {
    return join(this.dir, "sirocco.db");
  }

  #start(script: string, args: Record<string, string | undefined>, env = {}): Promise<Process> {
    const argv = Object.entries(args).flatMap(([k, v]) => (v === undefined ? [] : [`--${k}`, v]));
    const child = fork(new URL(script, import.meta.url), argv, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, ...env },
    });
    this.#children.push(child);
    const ended = new Promise<void>((ok) => child.once("exit", () => ok()));
    return new Promise((resolve, reject) => {
      child.once("exit", (code, signal) => reject(new Error(`${script} ended early: ${code ?? signal}`)));
      child.once("message", (ready) => resolve({ child, ready: ready as Process["ready"], ended }));
    });
  }

  async server(o: { die?: string; after?: number; env?: Record<string, string> } = {}): Promise<Process> {
    this.#port ||= await freePort();
    const args = {
      file: this.file,
      port: String(this.#port),
      key: KEY,
      settings: JSON.stringify(SETTINGS),
      die: o.die,
      after: String(o.after ?? 1),
    };
    const server = await this.#start("./server.ts", args, o.env);
    this.url = server.ready.url!;
    return server;
  }

  worker(name: string, o: { die?: string; after?: number; deployment?: string } = {}): Promise<Process> {
    return this.#start("./worker.ts", {
      url: this.url,
      key: KEY,
      name,
      journal: this.journal,
      deployment: o.deployment,
      die: o.die,
      after: String(o.after ?? 1),
    });
  }

  /** The worker of a user, started as users do: `node worker.ts`. Resolves when it serves. */
  async userWorker(env: Record<string, string> = {}): Promise<UserWorker> {
    const child = spawn(process.execPath, [fileURLToPath(new URL("./user-worker.ts", import.meta.url))], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, SIROCCO_URL: this.url, SIROCCO_API_KEY: KEY, DEPLOYMENT_NAME: "crash", ...env },
    });
    this.#children.push(child);
    const lines: Record<string, unknown>[] = [];
    const other: string[] = [];
    createInterface({ input: child.stderr! }).on("line", (line) => {
      try {
        lines.push(JSON.parse(line));
      } catch {
        other.push(line);
      }
    });
    const ended = new Promise<number | string>((ok) => child.once("exit", (code, signal) => ok(code ?? signal!)));
    const logged = (text: string, times = 1) =>
      until(`the log says '${text}'`, async () => {
        const found = lines.filter(({ message }) => String(message).includes(text));
        if (found.length >= times) return found[times - 1]!;
        if (child.exitCode !== null) throw new Error(`the worker has ended: ${other.join("\n")}`);
        return undefined;
      }).catch((error: Error) => {
        throw new Error(`${error.message}; it says: ${lines.map(({ message }) => message).join(" | ")}`, {
          cause: error.cause,
        });
      });
    await logged("serves");
    return { child, ended, logged, lines };
  }

  get client(): Mistral {
    return new Mistral({ serverURL: this.url, apiKey: KEY });
  }

  /** The attempts of activities that were executed, from the journal. */
  entries(): { n: number; key: string; attempt: number; by: string }[] {
    try {
      return readFileSync(this.journal, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    } catch {
      return [];
    }
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill("SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Calls `ask` until it answers something; after `ms` throws an error whose cause is the last error of `ask`. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, ms = 20_000): Promise<T> {
  const end = Date.now() + ms;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const found = await ask();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    await new Promise((ok) => setTimeout(ok, 50));
  }
  throw new Error(`${what}: did not happen within ${ms} ms`, { cause: last });
}
