/** A worker that gets SIGINT or SIGTERM ends, at whichever moment the signal comes. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { forEachConcurrent } from "../../shared/lib/for-each-concurrent.ts";
import { type PythonWorker, spawnPythonWorker, whyNoPython, workerFile } from "../support/python-worker.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { call, start } from "./surface-checks.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the tests of how Python workers end. ${cannotRun}`);

describe.skipIf(cannotRun)("a Python worker that gets a signal", () => {
  let at: TestServer;
  const workers: PythonWorker[] = [];
  beforeAll(async () => {
    at = await testServer();
  });
  afterAll(async () => {
    for (const worker of workers) worker.process.kill("SIGKILL");
    await at?.close();
  });

  const spawn = async (file: string, after: string[] = [], env: Record<string, string> = {}) => {
    const options = { ...at, deployment: `ending-${workers.length}`, after, env };
    const worker = await spawnPythonWorker(workerFile(file), options);
    workers.push(worker);
    return worker;
  };
  const live = async () => (await call(at, "GET", "/workers")).body;

  test.each([
    "SIGINT",
    "SIGTERM",
  ] as const)("ends by %s that comes before the first step of the worker's loop", async (signal) => {
    const worker = await spawn("at_once.py", [signal]);
    expect(await worker.ended).toEqual({ code: null, signal });
    expect(worker.log()).toContain("Worker shutdown complete");
    expect(worker.log()).not.toContain("sirocco-worker: ");
    expect(worker.log().includes("Traceback")).toBe(signal === "SIGINT"); // Python shows Ctrl-C so
  }, 30_000);

  test("ends at once, and after each of the lines that it logs when it registers", async () => {
    const whole = await spawn("misuse.py", ["plain"]);
    await whole.says("Starting Temporal worker");
    const lines = whole.log().trim().split("\n").length;
    whole.process.kill("SIGTERM");
    expect(await whole.ended).toEqual({ code: null, signal: "SIGTERM" });
    expect(lines).toBeGreaterThan(5);
    const moments = [0, ...Array.from({ length: 6 }, (_, line) => lines - 5 + line)]; // at once, and around the registration
    await forEachConcurrent(2, moments, async (line) => {
      const signal = line % 2 === 0 ? "SIGINT" : "SIGTERM";
      const worker = await spawn("misuse.py", ["plain"]);
      await worker.says(new RegExp(`^(.*\n){${line}}`));
      worker.process.kill(signal);
      const end = await worker.ended;
      if (line > 0) expect(end, worker.log()).toEqual({ code: null, signal }); // Python's own start answers with other codes
      expect(worker.log()).not.toContain("sirocco-worker: ");
    });
    expect(JSON.stringify(await live())).not.toContain("ending-");
  }, 120_000);

  test("ends at once by the second signal, and by the first where code does not yield", async () => {
    const held = async (env: Record<string, string>) => {
      const worker = await spawn("stuck.py", [], env);
      await worker.says("Starting Temporal worker");
      await start(at, "stuck", {}, `ending-${workers.length - 1}`);
      await worker.says(/^stuck$/m);
      worker.process.kill("SIGINT");
      return worker;
    };
    const limited = await held({ SIROCCO_STOP_SECONDS: "1" });
    expect(await limited.ended).toEqual({ code: 130, signal: null });
    expect(limited.log()).toMatch(/sirocco-worker: the worker has not ended within 1 s \(SIROCCO_STOP_SECONDS\)/);
    const twice = await held({});
    await twice.says("Beginning worker shutdown");
    const again = setInterval(() => twice.process.kill("SIGTERM"), 100); // a repetition within half a second is one signal
    expect(await twice.ended).toEqual({ code: 130, signal: null });
    clearInterval(again);
    expect(twice.log()).toMatch(/sirocco-worker: a second signal came \(SIGTERM\)/);
  }, 60_000);

  test("refuses a limit that is no number of seconds", async () => {
    const worker = await spawn("misuse.py", ["plain"], { SIROCCO_STOP_SECONDS: "soon" });
    expect(await worker.ended).toEqual({ code: 1, signal: null });
    expect(worker.log()).toMatch(/SIROCCO_STOP_SECONDS is 'soon', which is no number of seconds/);
  }, 30_000);
});
