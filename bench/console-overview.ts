/**
 * How long a person waits for the overview after opening the address that `sirocco dev` prints, in a fresh folder:
 * `node bench/console-overview.ts [profiles]`. Each profile of the browser is new, so that it has nothing of the console yet.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";

const COMMAND = fileURLToPath(new URL("../cli/bin.js", import.meta.url));
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell";
const profiles = Number(process.argv[2] ?? 5);
if (!Number.isSafeInteger(profiles) || profiles < 1) throw new Error(`'${process.argv[2]}' is no number of profiles`);

const data = mkdtempSync(join(tmpdir(), "sirocco-bench-"));
const dev = spawn(process.execPath, [COMMAND, "dev", "--port", "0", "--data", data], {
  stdio: ["ignore", "ignore", "pipe"],
});
const exited = new Promise<void>((resolve) => dev.once("exit", () => resolve()));

/** With the key, which `sirocco dev` puts into the address in a terminal alone. */
async function address(): Promise<string> {
  let out = "";
  for await (const part of dev.stderr.iterator({ destroyOnReturn: false })) {
    out += part;
    const [found] = /http:\/\/\S+\/console\//.exec(out) ?? [];
    if (found) return `${found}#key=${readFileSync(join(data, "key"), "utf8").trim()}`;
  }
  throw new Error(`sirocco dev ended before it told the console's address:\n${out}`);
}

/** Milliseconds until the heading shows, and until every panel has its data. */
async function open(browser: Browser, url: string): Promise<{ heading: number; whole: number }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage(); // an empty window, as a person has it
  const begun = performance.now();
  await page.goto(url, { waitUntil: "commit" });
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  const heading = performance.now() - begun;
  await page.getByText("Nothing has been started yet.").waitFor();
  await page.waitForFunction("!document.querySelector('[role=status][aria-label=Loading]')");
  const whole = performance.now() - begun;
  await context.close();
  return { heading, whole };
}

try {
  const url = await address();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  for (let n = 1; n <= profiles; n++) {
    const { heading, whole } = await open(browser, url);
    const load = (loadavg()[0] ?? 0).toFixed(1);
    console.log(`profile ${n}: heading ${heading.toFixed(0)} ms, all panels ${whole.toFixed(0)} ms, load ${load}`);
  }
  await browser.close();
} finally {
  dev.kill();
  await exited;
  rmSync(data, { recursive: true });
}
