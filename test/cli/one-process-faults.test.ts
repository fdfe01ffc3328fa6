/** What may go wrong in `sirocco dev --one-process`, as real processes. */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BIN, cli, type Dev, devServers, keyPrintedBy, Process, temporaryDirectory } from "./support.ts";

const { running, started } = devServers();

let directory: ReturnType<typeof temporaryDirectory>;
beforeAll(() => {
  directory = temporaryDirectory();
  mkdirSync(join(directory.path, "node_modules/@sirocco"), { recursive: true });
  symlinkSync(fileURLToPath(new URL("../../sdk", import.meta.url)), path("node_modules/@sirocco/sdk"));
  writeFileSync(path("package.json"), '{"type":"module"}');
});
afterAll(() => directory.remove());
const path = (name: string) => join(directory.path, name);

let files = 0;
function workerFile(code: string): string[] {
  const file = path(`worker-${++files}.ts`);
  writeFileSync(file, `import { activity, runWorker, startWorker, workflow } from "@sirocco/sdk";\n${code}`);
  return ["--data", path(`data-${files}`), "--one-process", "--worker", file];
}

const serves = (dev: Dev) => dev.process.waitForOutput(/worker '.*' of .* serves/);
const start = (dev: Dev, ...args: string[]) => cli(["start", ...args], { env: dev.env });
const within = <T>(ms: number, promise: Promise<T>) =>
  Promise.race([promise, delay(ms, "late" as const, { ref: false })]);

const SIMPLE = `await runWorker({ workflows: [workflow({ name: "w" }, async () => 1)] });`;

test("a disk that refuses a write ends the process with code 1, and the worker with it", async () => {
  const [, data, , , file] = workerFile(SIMPLE);
  const limited = `ulimit -f 400; exec "$0" "$1" dev --port 0 --data "$2" --one-process --worker "$3"`;
  const server = new Process("bash", ["-c", limited, process.execPath, BIN, data!, file!]);
  running.push(server);
  const [, url] = (await server.waitForOutput(/SIROCCO_URL=(\S+)\n/)) as unknown as string[];
  await server.waitForOutput(/serves/);
  const key = await keyPrintedBy(server);
  const definition = { name: "w", input_schema: { type: "object", description: "x".repeat(500_000) } };
  await fetch(`${url}/v1/worker/register`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      deployment: "d",
      worker: "w",
      session: randomUUID(),
      definitions: [definition],
      activities: [],
      sdk: "0",
    }),
  }).catch(() => {});
  expect(await within(10_000, server.ended)).toBe(1);
  expect(server.err).toContain("The disk refused a write");
  expect(server.err).toContain("No acknowledged write is lost");
}, 30_000);

test("an error in the thread of the server ends the process with code 1", async () => {
  const trap = path("trap.mjs");
  writeFileSync(
    trap,
    `import { isMainThread, workerData } from "node:worker_threads";
    if (!isMainThread && workerData?.options) setTimeout(() => { throw new Error("a defect of the server"); }, 2000);`,
  );
  const dev = await started(workerFile(SIMPLE), { env: { NODE_OPTIONS: `--import ${trap}` } });
  await serves(dev);
  expect(await within(10_000, dev.process.ended)).toBe(1);
  expect(dev.process.err).toContain("a defect of the server");
}, 30_000);

test("with --log-format json each line of standard error is JSON", async () => {
  const dev = await started([...workerFile(SIMPLE), "--log-format", "json"]);
  await serves(dev);
  expect(await within(10_000, dev.process.end())).toBe(0);
  const failing = await started([...workerFile(`throw new Error("broken");`), "--log-format", "json"]);
  expect(await within(10_000, failing.process.ended)).toBe(1);
  for (const { process } of [dev, failing])
    for (const line of process.err.trimEnd().split("\n")) expect(() => JSON.parse(line), line).not.toThrow();
  expect(failing.process.err).toContain("broken");
}, 30_000);

test("WATCHDOG-2: SIGTERM ends a process whose worker is blocked", async () => {
  const dev = await started(
    workerFile(`
    const block = activity({ name: "block" }, async () => { const end = Date.now() + 15_000; while (Date.now() < end); });
    await runWorker({ workflows: [workflow({ name: "w" }, async () => block())], activities: [block] });`),
  );
  await serves(dev);
  await start(dev, "w");
  await dev.process.waitForOutput(/blocks|blocked/);
  expect(await within(3_000, dev.process.end())).toBe("SIGTERM");
}, 30_000);

test("an error in code after runWorker is told, and the exit code is 1", async () => {
  const dev = await started(workerFile(`${SIMPLE}\nthrow new Error("after the worker");`));
  await serves(dev);
  expect(await within(10_000, dev.process.end())).toBe(1);
  expect(dev.process.err).toContain("after the worker");
}, 30_000);

test("SIGINT ends it at once where the file listens to SIGTERM alone", async () => {
  const dev = await started(
    workerFile(`
    process.on("SIGTERM", () => {});
    await startWorker({ workflows: [workflow({ name: "w" }, async () => 1)] });`),
  );
  await serves(dev);
  expect(await within(5_000, dev.process.end("SIGINT"))).toBe(0);
}, 30_000);

test("under npm, the end of npm's shell after a signal does not cut the drain short", async () => {
  const args = workerFile(`
    const slow = activity({ name: "slow" }, async () => { console.error("begun"); await new Promise((ok) => setTimeout(ok, 3000)); return 7; });
    await runWorker({ workflows: [workflow({ name: "w" }, async () => slow())], activities: [slow] });`);
  const script = '"$0" "$@" & echo "pid=$!" >&2; wait';
  const shell = new Process("sh", ["-c", script, process.execPath, BIN, "dev", "--port", "0", ...args], {
    env: { npm_lifecycle_script: "sirocco dev" },
  });
  running.push(shell);
  const [, pid] = (await shell.waitForOutput(/pid=(\d+)/)) as unknown as string[];
  const [, url] = (await shell.waitForOutput(/SIROCCO_URL=(\S+)\n/)) as unknown as string[];
  await shell.waitForOutput(/serves/);
  await cli(["start", "w"], { env: { SIROCCO_URL: url!, SIROCCO_API_KEY: await keyPrintedBy(shell) } });
  await shell.waitForOutput(/begun/);
  process.kill(Number(pid), "SIGTERM");
  shell.child.kill("SIGKILL");
  await within(15_000, shell.ended);
  expect(shell.err).toMatch(/worker stopped.*\nstopping; all data is kept/);
}, 30_000);

test("the same server under another name: the worker drains before the server ends", async () => {
  const dev = await started(
    workerFile(`
    const slow = activity({ name: "slow" }, async () => { console.error("begun"); await new Promise((ok) => setTimeout(ok, 1500)); return 7; });
    const url = process.env.SIROCCO_URL!.replace("127.0.0.1", "localhost");
    await runWorker({ url, workflows: [workflow({ name: "w" }, async () => slow())], activities: [slow] });`),
  );
  await serves(dev);
  await start(dev, "w", "--id", "drained");
  await dev.process.waitForOutput(/begun/);
  expect(await within(15_000, dev.process.end())).toBe(0);
  expect(dev.process.err).not.toMatch(/go on elsewhere|repeated/);
  expect(dev.process.err).toContain("worker stopped");
}, 30_000);

test("ONEPROCESS-5: code of the worker that fills Node's pool of threads does not hold up the commits of the server", async () => {
  const pipe = path("pipe");
  execFileSync("mkfifo", [pipe]);
  const dev = await started(
    workerFile(`
    import { open } from "node:fs";
    for (let i = 0; i < 8; i++) open(${JSON.stringify(pipe)}, "r", () => {});
    ${SIMPLE}`),
  );
  await serves(dev);
  const call = { method: "POST", headers: { authorization: `Bearer ${dev.key}`, "content-type": "application/json" } };
  const body = JSON.stringify({ wait_for_result: true, timeout_seconds: 20 });
  const runs = Array.from({ length: 40 }, () => fetch(`${dev.url}/v1/workflows/w/execute`, { ...call, body }));
  const answers = await within(10_000, Promise.all(runs));
  expect(answers).not.toBe("late");
  expect((answers as Response[]).map(({ status }) => status)).toEqual(Array(40).fill(200));
}, 30_000);

test("ONEPROCESS-4: process.exit in an activity lets the server close its database, and keeps the exit code", async () => {
  const args = workerFile(`
    const leave = activity({ name: "leave" }, async () => process.exit(3));
    await runWorker({ workflows: [workflow({ name: "w" }, async () => leave())], activities: [leave] });`);
  const dev = await started(args);
  await serves(dev);
  await start(dev, "w", "--id", "left");
  expect(await within(10_000, dev.process.ended)).toBe(3);
  expect(existsSync(join(args[1]!, "sirocco.db-wal"))).toBe(false);
}, 30_000);

test("ONEPROCESS-4: where the server cannot close its database, SQLite does not remove the log", async () => {
  const trap = path("hang.mjs");
  writeFileSync(
    trap,
    `import { isMainThread, workerData } from "node:worker_threads";
    const hang = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    if (!isMainThread && workerData?.options) setTimeout(hang, 3000);`,
  );
  const args = workerFile(`setTimeout(() => process.exit(3), 4000);\n${SIMPLE}`);
  const dev = await started(args, { env: { NODE_OPTIONS: `--import ${trap}` } });
  expect(await within(15_000, dev.process.ended)).toBe("SIGKILL");
  expect(existsSync(join(args[1]!, "sirocco.db-wal"))).toBe(true);
}, 30_000);
