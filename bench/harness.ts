/** Starts the processes of the benchmarks, and computes statistics. */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Mistral } from "@mistralai/mistralai";

export const KEY = "bench-key-0123456789";

/** What a process has used since it began. */
export interface Usage {
  /** Memory now, bytes. */
  readonly rss: number;
  /** Processor time of all its threads, user and system, us. */
  readonly cpu: number;
  /** Of the server: commits of its store. */
  readonly commits?: number;
}

export interface Process {
  readonly child: ChildProcess;
  readonly ready: Record<string, unknown>;
  usage(): Promise<Usage>;
  /** Of the server: executions that a worker has parked. */
  parked(): Promise<number>;
  kill(): Promise<void>;
}

function start(script: string, args: string[], env: Record<string, string> = {}): Promise<Process> {
  const child = fork(new URL(script, import.meta.url), args, {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: { ...process.env, ...env },
  });
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`${script} ended with exit code ${code} before it was ready`)));
    let text = "";
    child.stdout!.on("data", (part: Buffer) => {
      text += part.toString();
      const end = text.indexOf("\n");
      if (end < 0) return;
      const ask = <T>(what: string) =>
        new Promise<T>((ok) => {
          child.once("message", (m) => ok(m as T));
          child.send(what);
        });
      resolve({
        child,
        ready: JSON.parse(text.slice(0, end)),
        usage: () => ask<Usage>("usage"),
        parked: () => ask<number>("parked"),
        kill: () =>
          new Promise((ok) => {
            if (child.exitCode !== null || child.signalCode !== null) return ok();
            child.once("exit", () => ok());
            child.kill("SIGKILL");
          }),
      });
    });
  });
}

/** What a client sees. */
export interface Reached {
  readonly url: string;
  readonly key: string;
  readonly client: Mistral;
  close(): Promise<void>;
}

export interface Installation extends Reached {
  readonly file: string;
  readonly server: Process;
  worker(env?: Record<string, string>): Promise<Process>;
}

/** A server with a new SQLite file and full sync, and workers on demand, each in a process of its own. */
export async function installation(settings: Record<string, number> = {}): Promise<Installation> {
  const dir = mkdtempSync(join(tmpdir(), "sirocco-bench-"));
  const file = join(dir, "sirocco.db");
  const server = await start("./processes/server.ts", [
    "--file",
    file,
    "--key",
    KEY,
    "--settings",
    JSON.stringify(settings),
  ]);
  const url = String(server.ready.url);
  const workers: Process[] = [];
  return {
    url,
    key: KEY,
    file,
    server,
    client: new Mistral({ serverURL: url, apiKey: KEY }),
    async worker(env = {}) {
      const worker = await start("./processes/worker.ts", [], {
        SIROCCO_URL: url,
        SIROCCO_API_KEY: KEY,
        DEPLOYMENT_NAME: "bench",
        WORKER_NAME: `bench-${workers.length}`,
        ...env,
      });
      workers.push(worker);
      return worker;
    },
    async close() {
      await Promise.all([server, ...workers].map((p) => p.kill()));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export const percentile = (sorted: readonly number[], p: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;

export const spread = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b);
  return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), n: sorted.length };
};

export const round = (x: number, digits = 3): number => Number(x.toFixed(digits));
export const now = (): number => performance.timeOrigin + performance.now();
