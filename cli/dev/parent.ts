/**
 * npm (`npx sirocco dev`, or a script of a package.json) runs a command in a shell. A SIGTERM to npm ends npm and that
 * shell, a SIGKILL ends npm alone: in both cases the command would go on running unnoticed.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setInterval } from "node:timers/promises";
import type { Io } from "../io.ts";

/** Where a process must be started to look, less often. */
const LOOK_EVERY_MS = process.platform === "linux" ? 500 : 2_000;

/** Resolves when npm, or the shell in which npm started this command, has ended; never, if something else started it. */
export async function parentEnded(io: Io): Promise<void> {
  if (!io.env.npm_lifecycle_script?.includes("sirocco")) return new Promise(() => {});
  const handedOver = io.env.SIROCCO_REEXEC !== undefined;
  const before = upToNpm(handedOver).join();
  for await (const _ of setInterval(LOOK_EVERY_MS, undefined, { ref: false })) {
    if (upToNpm(handedOver).join() !== before) return;
  }
}

/**
 * The processes between this one and npm, and npm: the older Node that handed over to this one (`bin.js`), and the shell.
 * The list is shorter where the system does not tell, or a process has ended.
 */
function upToNpm(handedOver: boolean): number[] {
  const found = [process.ppid];
  try {
    if (handedOver) found.push(look(found.at(-1)!).parent);
    const { name, parent } = look(found.at(-1)!);
    if (/(^|\/)-?\w*sh$/.test(name)) found.push(parent);
  } catch {
    // see above
  }
  return found;
}

const look = (pid: number) => (process.platform === "linux" ? fromProc(pid) : fromPs(pid));

/** The name is in parentheses and may contain blanks; the state and the parent's id follow. */
function fromProc(pid: number) {
  const [, name = "", parent] = /^\d+ \((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
  return { name, parent: Number(parent) };
}

function fromPs(pid: number) {
  const line = execFileSync("ps", ["-o", "ppid=,comm=", "-p", String(pid)], { encoding: "utf8" });
  const [, parent, name = ""] = /^\s*(\d+)\s+(.*?)\s*$/.exec(line) ?? [];
  return { name, parent: Number(parent) };
}
