/**
 * How a history of 50,000 events behaves in a browser: how long until its reason and its newest events show, and until both ends are
 * reached; and the tasks of the page that took longer than 500 ms since then, because a click waits for them:
 * `node bench/console-history.ts [profiles]`.
 */
import { randomUUID } from "node:crypto";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { startServer } from "../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../shared/api/index.ts";
import type { NewEvent } from "../shared/protocol/history.ts";
import { MAX_HISTORY_BYTES } from "../shared/protocol/limits.ts";
import { embedded } from "../shared/server/embedded.ts";
import { batchOf, headOf } from "../test/contract/subject.ts";

const EVENTS = 50_000;
const LONG_MS = 500;
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell";
const profiles = Number(process.argv[2] ?? 3);
if (!Number.isSafeInteger(profiles) || profiles < 1) throw new Error(`'${process.argv[2]}' is no number of profiles`);

const ports = embedded();
const consoleFolder = fileURLToPath(new URL("../console/dist", import.meta.url));
const server = await startServer({ ports, version: "0.0.0", port: 0, consoleFolder });
const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "bench" });
const ref = { workspace: DEFAULT_WORKSPACE, execution: "long" };
const head = headOf(ref, Date.now());
await ports.executions.create(head, []);
for (let first = 2; first <= EVENTS; first += 1_000) {
  const events = Array.from(
    { length: Math.min(1_000, EVENTS + 1 - first) },
    (_, n) => ({ kind: "signal_received", message: `signal#${randomUUID()}`, name: "poke", input: { n } }) as NewEvent,
  );
  await ports.executions.putBatch(ref, head.run, batchOf(first, Date.now(), events), MAX_HISTORY_BYTES);
}

async function open(browser: Browser): Promise<{ shown: number; ends: number; long: number[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await context.addInitScript(`sessionStorage.setItem("sirocco.key", ${JSON.stringify(key)});
    window.long = [];
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) long.push([startTime, duration]);
    }).observe({ type: "longtask", buffered: true });`);
  const page = await context.newPage();
  const begun = performance.now();
  await page.goto(`${server.url}/console/#/executions/long?tab=history`, { waitUntil: "commit" });
  await page.getByTestId("why-summary").waitFor();
  await page.locator(`[data-event="${EVENTS}"]`).getByText("Signal poke").waitFor();
  const shown = performance.now() - begun;
  const loaded = await page.evaluate<number>("performance.now()");
  const events = page.getByRole("region", { name: "Events" });
  const away = performance.now();
  await events.press("End");
  await page.locator('[data-event="1"]').getByText("Execution started").waitFor();
  await events.press("Home");
  await page.locator(`[data-event="${EVENTS}"]`).waitFor();
  const ends = performance.now() - away;
  // The timeline draws steps of the newest events, and zooms.
  await page.getByRole("tab", { name: "Timeline" }).click();
  await page.locator("[data-step]").first().waitFor();
  for (const pressed of ["+", "+", "ArrowRight", "0"])
    await page.getByRole("region", { name: /^Timeline/ }).press(pressed);
  await page.waitForTimeout(500); // the observer is told of tasks after they have ended
  const tasks = await page.evaluate<[number, number][]>("long");
  await context.close();
  return { shown, ends, long: tasks.filter(([at, ms]) => at > loaded && ms > LONG_MS).map(([, ms]) => ms) };
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
for (let n = 1; n <= profiles; n++) {
  const { shown, ends, long } = await open(browser);
  const load = (loadavg()[0] ?? 0).toFixed(1);
  const tasks = `${long.length} tasks above ${LONG_MS} ms${long.length > 0 ? ` (${long.map(Math.round).join(", ")} ms)` : ""}`;
  console.log(`profile ${n}: shown ${shown.toFixed(0)} ms, both ends ${ends.toFixed(0)} ms, ${tasks}, load ${load}`);
}
await browser.close();
await server.close(0);
ports.close();
