#!/usr/bin/env node
/**
 * Starts the command with a Node that runs TypeScript as it stands (22.18 or later). Plain JavaScript, so that an
 * older Node gets far enough to hand over to the one in `node_modules`, or to say what is missing.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 18)) {
  const { run } = await import("./main.ts");
  await run();
} else {
  const newer = ["../node_modules/.bin/node", "../../../.bin/node"]
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find(existsSync);
  if (newer === undefined || process.env.SIROCCO_REEXEC) {
    console.error(
      `sirocco needs Node 22.18 or later, this is ${process.version}. Run it as \`npx sirocco\`, or update Node.`,
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
