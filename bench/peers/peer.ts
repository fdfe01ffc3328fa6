/**
 * What an engine is to the comparison: a service that runs a workflow of n steps in sequence for one HTTP request, and answers
 * once the workflow has ended. Each step returns 1 and does nothing else, so that only the engine is measured.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { Target } from "./http-call.ts";

export interface Peer {
  readonly name: string;
  /** Starts the engine with new storage in `folder`. Throws if something that it needs is missing. */
  start(folder: string): Promise<RunningPeer>;
}

export interface RunningPeer {
  /** Versions of the engine and of its storage. */
  readonly version: string;
  /** The request that runs a workflow of `steps` steps. */
  request(steps: number): Target;
  /** Process ids, by what the process is. The processor time of their descendants is theirs. */
  readonly processes: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves if something listens on the port. */
export function accepts(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
  });
}

interface Started {
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

interface Launch {
  readonly env?: Readonly<Record<string, string>>;
  /** Asked until it resolves. */
  readonly ready: () => Promise<unknown>;
  readonly uid?: number;
  readonly gid?: number;
}

const READY_MS = 60_000;
const MOST_LOG = 4_000;

/** Starts a program. If it ends before it is ready, the error shows the end of its output. */
export async function launch(command: string, args: readonly string[], options: Launch): Promise<Started> {
  const { env, ready, uid, gid } = options;
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env }, uid, gid });
  let log = "";
  const read = (part: Buffer) => {
    log = (log + part.toString()).slice(-MOST_LOG);
  };
  child.stdout.on("data", read);
  child.stderr.on("data", read);
  child.once("error", (error) => {
    log = String(error);
  });
  const ended = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    if (ended()) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  };
  const end = Date.now() + READY_MS;
  for (;;) {
    const refused = await ready().then(
      () => null,
      (error: unknown) => error,
    );
    if (ended()) throw new Error(`${command} ended before it was ready\n${log}`);
    if (refused === null) return { pid: child.pid as number, stop };
    if (Date.now() > end) {
      await stop("SIGKILL");
      throw new Error(`${command} was not ready after ${READY_MS / 1000} s: ${refused}\n${log}`);
    }
    await setTimeout(100);
  }
}
