// Starts and stops the emulator. Its state is in memory, so each start is a blank account.
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { deploymentFile, logFile, pidFile, root, stateDir } from "./paths.ts";
import { run } from "./process.ts";
import { installEmulator } from "./python.ts";

export const DEFAULT_PORT = 4566;
const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 5_000;

export interface EmulatorOptions {
  /** TCP port on 127.0.0.1. @default 4566 */
  readonly port?: number;
  /** Stop the emulator when this process ends, even by a kill. @default false: it runs until it is stopped */
  readonly endWithCaller?: boolean;
  /** Length of a minute in rules such as `rate(1 minute)`, seconds. Tests shorten the sweeper's minute. @default 60 */
  readonly ruleMinuteSeconds?: number;
}

export interface Emulator {
  readonly port: number;
  readonly endpoint: string;
  /** False = an emulator was already running on that port and was left unchanged. */
  readonly started: boolean;
}

/**
 * Starts the emulator and answers when it serves, or immediately if it already runs on that port.
 * @throws {PythonMissing} without a usable Python; Error if another program listens on the port, or with the end of the log
 *   if the emulator did not serve within 30 s.
 */
export async function startEmulator({
  port = DEFAULT_PORT,
  endWithCaller = false,
  ruleMinuteSeconds = 60,
}: EmulatorOptions = {}): Promise<Emulator> {
  const endpoint = `http://127.0.0.1:${port}`;
  if (await runningPid(port)) return { port, endpoint, started: false };
  if (await isTaken(port)) {
    throw new Error(
      `a program that was not started from this folder listens on port ${port}: stop it, or set GATEWAY_PORT to another port`,
    );
  }
  const python = await installEmulator();
  await mkdir(stateDir, { recursive: true });
  await rm(deploymentFile(port), { force: true });
  const log = openSync(logFile(port), "w");
  const child = spawn(python, [path.join(root, "localstack", "emulator.py")], {
    cwd: stateDir,
    detached: true,
    stdio: ["ignore", log, log],
    env: {
      ...process.env,
      // The first `node` on the PATH is the runtime of every Lambda: that of this project.
      PATH: `${path.join(root, "node_modules", ".bin")}${path.delimiter}${process.env.PATH}`,
      GATEWAY_PORT: String(port),
      PYTHONDONTWRITEBYTECODE: "", // keep compiled files, or each start takes seconds longer
      SIROCCO_EMULATOR_RULE_MINUTE: String(ruleMinuteSeconds),
      ...(endWithCaller ? { SIROCCO_EMULATOR_OWNER: String(process.pid) } : {}),
    },
  });
  closeSync(log);
  child.unref();
  await writeFile(pidFile(port), String(child.pid));
  for (const deadline = Date.now() + READY_WITHIN_MS; Date.now() < deadline; await delay(50)) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    const answer = await fetch(`${endpoint}/_ministack/ready`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return { port, endpoint, started: true };
  }
  const tail = (await readFile(logFile(port), "utf8")).trimEnd().split("\n").slice(-20).join("\n");
  await stopEmulator(port);
  throw new Error(`The emulator did not answer on ${endpoint} (log: ${logFile(port)}):\n${tail}`);
}

/** Stops the emulator on that port by its process id: SIGTERM, and SIGKILL after 5 s. Answers whether one was running. */
export async function stopEmulator(port: number = DEFAULT_PORT): Promise<boolean> {
  const pid = await runningPid(port);
  if (pid) {
    process.kill(pid, "SIGTERM");
    for (const deadline = Date.now() + STOP_WITHIN_MS; Date.now() < deadline && alive(pid); ) await delay(20);
    if (alive(pid)) process.kill(pid, "SIGKILL");
  }
  await rm(pidFile(port), { force: true });
  await rm(deploymentFile(port), { force: true });
  return pid !== undefined;
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** A free port, for a test run that must not disturb the developer's emulator. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function runningPid(port: number): Promise<number | undefined> {
  const pid = Number(await readFile(pidFile(port), "utf8").catch(() => ""));
  if (!pid || !alive(pid)) return undefined;
  // The system may have given the number to another process since, which must not be stopped.
  const command = await run("ps", ["-o", "command=", "-p", String(pid)]).catch(() => "");
  return command.includes("emulator.py") ? pid : undefined;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
