/** Processor time of a process and its descendants, read from `/proc` (Linux). */
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks of `/proc/PID/stat` in a second: `sysconf(_SC_CLK_TCK)`, 100 on every Linux that Node supports. */
const TICKS = 100;

interface Process {
  readonly parent: number;
  /** Its own time, user and system, and that of its descendants that have ended, ms. */
  readonly ms: number;
}

function processes(): Map<number, Process> {
  const found = new Map<number, Process>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${name}/stat`, "utf8");
    } catch {
      continue; // it ended meanwhile
    }
    // The name in brackets may contain blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    found.set(Number(name), { parent: Number(fields[1]), ms: (ticks * 1000) / TICKS });
  }
  return found;
}

/** Processor time so far of each of these processes, with its descendants, ms. */
export function processorTime(roots: Readonly<Record<string, number>>): Record<string, number> {
  const all = processes();
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of all) {
    const list = children.get(parent);
    if (list) list.push(pid);
    else children.set(parent, [pid]);
  }
  const sum = (pid: number): number =>
    (all.get(pid)?.ms ?? 0) + (children.get(pid) ?? []).reduce((ms, child) => ms + sum(child), 0);
  return Object.fromEntries(Object.entries(roots).map(([name, pid]) => [name, sum(pid)]));
}
