/** The worker of `sirocco dev --worker`: a process of its own, restarted whenever one of its files changes. */
import { type ChildProcess, spawn } from "node:child_process";

export interface WorkerProcess {
  /** Lets the worker finish its activities, and kills it after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Node's watch mode watches the file and all its imports. The worker leads a process group, which an exiting server kills
 * as a whole, and has the tether (`tether.ts`), so that it also ends when the server is killed.
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
    // the process group has ended already
  }
}
