/** `sirocco dev --one-process` as a real process (ONEPROCESS-1 to ONEPROCESS-3). */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bin, cli, type Dev, devServers, temporaryDirectory } from "./support.ts";

const { started } = devServers();

let directory: ReturnType<typeof temporaryDirectory>;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => directory.remove());
const path = (name: string) => join(directory.path, name);

const SDK = JSON.stringify(import.meta.resolve("@sirocco/sdk"));
const ZOD = JSON.stringify(import.meta.resolve("zod"));

/** A worker file; `more` may use what the others have. */
function workerFile(name: string, more = "await runWorker({ workflows: [walk, spin], activities: [step] });"): string {
  const file = path(`${name}.ts`);
  const text = `
import { appendFileSync } from "node:fs";
import { activity, runWorker, startWorker, workflow } from ${SDK};
import * as z from ${ZOD};
const step = activity({ name: "step", input: z.object({ n: z.number() }), retry: { maxAttempts: 5, first: 1 } }, async ({ n }, ctx) => {
  appendFileSync(${JSON.stringify(path(`${name}.book`))}, ctx.run + " " + n + "\\n");
  await new Promise((ok) => setTimeout(ok, 5));
  return { n: n + 1 };
});
const walk = workflow({ name: "walk", input: z.object({ n: z.number() }) }, async ({ n }) => {
  let at = { n: 0 };
  while (at.n < n) at = await step(at);
  return at;
});
const spin = workflow({ name: "spin" }, async () => {
  for (;;);
});
${more}
`;
  writeFileSync(file, text);
  return file;
}
const book = (name: string) =>
  readFileSync(path(`${name}.book`), "utf8")
    .trim()
    .split("\n");

const one = async (name: string, file: string, more: readonly string[] = []): Promise<Dev> => {
  mkdirSync(path(name), { recursive: true });
  return started(["--data", path(name), "--worker", file, "--one-process", ...more], { cwd: directory.path });
};
const SHORT = ["--lease", "1s", "--session-timeout", "1s"];
const start = (at: Dev, args: readonly string[]) => cli(["start", ...args], { env: at.env });
const serves = (at: Dev) => at.process.waitForOutput(/serves walk, spin/);

it("runs workflows, drains at SIGTERM, goes on after runWorker, stops the server then, and exits with 0", async () => {
  const file = workerFile(
    "plain",
    `await runWorker({ workflows: [walk, spin], activities: [step] });\nconsole.log("behind");`,
  );
  const at = await one("plain", file);
  await serves(at);
  const ran = await start(at, ["walk", "--input", '{"n":30}', "--wait"]);
  expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('"n": 30') });
  await start(at, ["walk", "--input", '{"n":3000}']);
  expect(await at.process.end()).toBe(0);
  const told = at.process.err;
  expect(told).toMatch(/worker stopped/);
  expect(told.indexOf("stopping; all data is kept")).toBeGreaterThan(told.indexOf("worker stopped"));
  expect(at.process.out).toBe(`SIROCCO_URL=${at.url}\nbehind\n`);
});

it("SIGKILL in the middle of a run: the next start goes on, and no step but the interrupted one is done twice", async () => {
  const file = workerFile("killed");
  const at = await one("killed", file, SHORT);
  await serves(at);
  expect((await start(at, ["walk", "--id", "w", "--input", '{"n":60}'])).code).toBe(0);
  await expect.poll(() => book("killed").length, { timeout: 20_000 }).toBeGreaterThan(20);
  await at.process.end("SIGKILL");
  const again = await one("killed", file, SHORT);
  await expect
    .poll(async () => (await cli(["get", "w", "--json"], { env: again.env })).out, { timeout: 40_000 })
    .toContain("COMPLETED");
  const steps = book("killed");
  expect(new Set(steps).size).toBe(60);
  expect(steps.length).toBeLessThanOrEqual(61);
}, 90_000);

it("ONEPROCESS-1: the server answers while code blocks the worker, and the process starts again, with the same data and key", async () => {
  const at = await one("blocked", workerFile("blocked"), ["--port", "7499"]);
  await serves(at);
  expect((await start(at, ["spin", "--id", "s"])).code).toBe(0);
  await at.process.waitForOutput(/has blocked the event loop of this worker/);
  expect((await cli(["get", "s"], { env: at.env })).code).toBe(0);
  await at.process.waitForOutput(/starts it again/);
  await at.process.waitForOutput(/serves walk, spin[\s\S]*serves walk, spin/);
  const ran = await start(at, ["walk", "--input", '{"n":3}', "--wait"]);
  expect(ran).toMatchObject({ err: "", code: 0, out: expect.stringContaining('"n": 3') });
  expect((await cli(["why", "s"], { env: at.env })).out).toContain("BlockedLoopError");
}, 60_000);

it("says so if the file has started no worker, and goes on", async () => {
  const at = await one(
    "none",
    workerFile("none", "if (import.meta.main) await runWorker({ workflows: [walk], activities: [step] });"),
  );
  await at.process.waitForOutput(/has started no worker of this server/);
  expect((await cli(["list"], { env: at.env })).code).toBe(0);
  expect(await at.process.end()).toBe(0);
});

it("ONEPROCESS-3: a file that fails ends the server and the process, with its error", async () => {
  const at = await one(
    "fails",
    workerFile("fails", 'await new Promise((ok) => setTimeout(ok, 300));\nthrow new Error("no luck");'),
  );
  expect(await at.process.ended).toBe(1);
  expect(at.process.err).toMatch(/the worker has failed: Error: no luck\n\s+at /);
});

it("ONEPROCESS-2: a file that does not listen to signals does not hold them up", async () => {
  const file = workerFile("deaf", "await startWorker({ workflows: [walk, spin], activities: [step] });");
  const at = await one("deaf", file);
  await serves(at);
  const began = Date.now();
  expect(await at.process.end()).toBe(0);
  expect(Date.now() - began).toBeLessThan(10_000);
});

it("refuses what cannot start, as without it", async () => {
  const file = workerFile("refused");
  const none = bin(["dev", "--data", path("refused"), "--one-process"]);
  expect([await none.ended, none.err]).toEqual([2, expect.stringContaining("--one-process needs a worker")]);
  const first = await one("refused", file);
  const second = bin(["dev", "--port", "0", "--data", path("refused"), "--worker", file, "--one-process"]);
  expect([await second.ended, second.err]).toEqual([
    1,
    expect.stringContaining(`in use by another server (${first.url})`),
  ]);
  const port = new URL(first.url).port;
  const third = bin(["dev", "--port", port, "--data", path("refused-port"), "--worker", file, "--one-process"]);
  expect([await third.ended, third.err]).toEqual([1, expect.stringContaining(`Port ${port} on 127.0.0.1 is in use`)]);
});
