/** The worker of `sirocco dev --worker`: a process of its own, started anew whenever one of its files changes. */
import { type ChildProcess, spawn } from "node:child_process";

export interface WorkerProcess {
  /** Lets it drain, for at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Node's own watch mode follows the file and everything it imports. The worker leads a process group, so that nothing
 * of it outlives a server that has to leave in a hurry, and is tethered, so that it follows even a killed one.
 */
export function startWorkerProcess(file: string, env: Readonly<Record<string, string>>): WorkerProcess {
  const args = ["--watch", "--watch-preserve-output", "--import", import.meta.resolve("#tether"), file];
  const child = spawn(process.execPath, args, {
    stdio: ["pipe", "inherit", "inherit"],
    detached: true,
    env: { ...process.env, ...env },
  });
  const killAll = () => signalGroup(child, "SIGKILL");
  process.on("exit", killAll);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    async stop(graceMs) {
      child.kill("SIGTERM"); // the watcher passes it on and waits
      const late = setTimeout(killAll, graceMs);
      await ended;
      clearTimeout(late);
      process.off("exit", killAll);
    },
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // it has gone already
  }
}
