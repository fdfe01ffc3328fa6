/**
 * npm (`npx sirocco dev`, or a script of a package.json) runs a command in a shell. A SIGTERM to npm ends npm and that
 * shell, but not the command, which would go on running unnoticed.
 */
import { setInterval } from "node:timers/promises";
import type { Io } from "../io.ts";

const LOOK_EVERY_MS = 500;

/** Resolves when the shell in which npm started this command has ended; never, if something else started it. */
export async function parentEnded(io: Io): Promise<void> {
  if (!io.env.npm_lifecycle_script?.includes("sirocco")) return new Promise(() => {});
  const parent = process.ppid;
  for await (const _ of setInterval(LOOK_EVERY_MS, undefined, { ref: false })) if (process.ppid !== parent) return;
}
