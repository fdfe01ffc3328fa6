#!/usr/bin/env node
/**
 * Starts the command with a Node that the manifest allows: one with `node:sqlite` that runs TypeScript as it stands. This
 * file is plain JavaScript with no import but Node's own, so that an older Node gets far enough to hand over to the one in
 * `node_modules`, or to say what to do.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major >= 24 || (major === 22 && minor >= 18)) {
  const { run } = await import("./main.ts");
  await run();
} else {
  // Here in the repository, and from node_modules/sirocco/dist.
  const newer = ["../node_modules/.bin/node", "../../.bin/node"]
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find(existsSync);
  if (newer === undefined || process.env.SIROCCO_REEXEC) {
    console.error(
      `sirocco needs Node.js 24 or later, or 22.18 or later of the 22 line, and this is ${process.version}: install Node.js 24 from https://nodejs.org and run the command again.`,
    );
    process.exitCode = 2;
  } else {
    handOver(newer);
  }
}

/** @param {string} node */
function handOver(node) {
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: "inherit", env: { ...process.env, SIROCCO_REEXEC: "1" } });
  process.on("SIGINT", () => {}); // a terminal sends it to both
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("exit", (code, signal) => {
    if (signal) process.kill(process.pid, "SIGKILL");
    else process.exitCode = code ?? 1;
  });
}
