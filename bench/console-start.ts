/**
 * What the console costs the start of `sirocco dev`: with its files, and with modules in their place that serve nothing.
 * `node bench/console-start.ts [rounds]`. The two alternate, so that other work on the machine meets both.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const COMMAND = fileURLToPath(new URL("../cli/bin.js", import.meta.url));
const rounds = Number(process.argv[2] ?? 20);
if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error(`'${process.argv[2]}' is no number of rounds`);

/** Both load this, so that the hook's own time is in both. */
const hook = (without: boolean) => `
  import { registerHooks } from "node:module";
  const empty = (source) => ({ format: "module", source, shortCircuit: true });
  registerHooks({ load(url, context, next) {
    if (${without} && url.endsWith("/console-files.ts")) return empty("export class ConsoleFiles { answer() { return null; } }");
    if (${without} && url.endsWith("/console-folder.ts")) return empty("export const CONSOLE_FOLDER = '';");
    return next(url, context);
  } });`;

/** Milliseconds from the start of the process to the line with its address. */
async function start(without: boolean): Promise<number> {
  const data = mkdtempSync(join(tmpdir(), "sirocco-bench-"));
  const preload = `data:text/javascript,${encodeURIComponent(hook(without))}`;
  const begun = performance.now();
  const child = spawn(process.execPath, ["--import", preload, COMMAND, "dev", "--port", "0", "--data", data], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    let out = "";
    for await (const part of child.stdout) {
      out += part;
      if (out.includes("SIROCCO_URL=")) return performance.now() - begun;
    }
    throw new Error("sirocco dev ended before it listened");
  } finally {
    child.kill();
    await exited;
    rmSync(data, { recursive: true });
  }
}

const times = { with: [] as number[], without: [] as number[] };
await start(false); // the first start fills the caches of the disk
for (let round = 0; round < rounds; round++) {
  times.with.push(await start(false));
  times.without.push(await start(true));
}
const median = (all: number[]) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] as number;
const [withIt, without] = [median(times.with), median(times.without)];
console.log(
  `${rounds} starts each, medians: with the console ${withIt.toFixed(0)} ms, without ${without.toFixed(0)} ms`,
);
const least = `with it ${Math.min(...times.with).toFixed(0)} ms, without ${Math.min(...times.without).toFixed(0)} ms`;
console.log(`fastest: ${least}`);
console.log(`difference of the medians ${(withIt - without).toFixed(0)} ms`);
