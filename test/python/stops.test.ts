/**
 * A process of a Python worker that is stopped, but not dead: the other of the two notices it, and hands back. When both die at once
 * nobody is left to hand back, and the leases lapse.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, type ExpectStatic, test } from "vitest";
import { type PythonWorker, startPythonWorker, whyNoPython, workerFile } from "../support/python-worker.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { call, closed, history, recorded, scratch, start, touch } from "./surface-checks.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the tests that stop Python workers. ${cannotRun}`);

interface Listed {
  readonly name: string;
  readonly load: { readonly memory_bytes: number } | null;
}

describe.skipIf(cannotRun)("a process of a worker stops in the middle of an activity", () => {
  let at: TestServer;
  const workers: PythonWorker[] = [];
  const dir = scratch();
  const book = join(dir, "book");
  const lines = (): string[] => (existsSync(book) ? readFileSync(book, "utf8").trim().split("\n") : []);

  beforeAll(async () => {
    at = await testServer();
  });
  afterAll(async () => {
    for (const { process: worker } of workers) worker.kill("SIGKILL");
    await at?.close();
  });

  const spawn = async (name: string, deployment: string) => {
    const env = { WORKER_NAME: name, BOOK: book };
    const worker = await startPythonWorker(workerFile("walk.py"), { ...at, deployment, env });
    workers.push(worker);
    return worker;
  };

  /** Brings a victim into the first step of an execution, does `harm`, and waits until an heir has ended the execution. */
  async function takenOver(
    expect: ExpectStatic,
    deployment: string,
    harm: (worker: PythonWorker, core: number) => void,
    seconds: number,
  ) {
    const worker = await spawn("victim", deployment);
    const core = await worker.core();
    const file = join(dir, `go-${deployment}`);
    const id = await start(at, "walk", { steps: 2, wait_at: 0, wait_for: file }, deployment);
    const { run } = (await recorded(at, id, "execution_started")) as { run: string };
    const steps = () => lines().filter((line) => line.includes(run));
    await expect.poll(steps, { timeout: 20_000 }).toHaveLength(1);
    const heir = await spawn("heir", deployment);
    const harmed = Date.now();
    harm(worker, core);
    await expect.poll(() => steps().length, { timeout: seconds * 1000, interval: 100 }).toBeGreaterThan(1);
    const after = (Date.now() - harmed) / 1000;
    const check = async () => {
      touch(file);
      expect(await closed(at, id, 20)).toEqual(["COMPLETED", { result: 2 }]);
      const events = await history(at, id);
      expect(events.filter(({ kind }) => kind === "activity_scheduled").map((one) => one.activity)).toEqual([1, 2]);
      expect(events.filter(({ kind }) => kind === "activity_completed").map((one) => one.activity)).toEqual([1, 2]);
      expect(steps()).toEqual([
        `step 0 ${run}/1 attempt 1 victim`,
        `step 0 ${run}/1 attempt 2 heir`,
        `step 1 ${run}/2 attempt 1 heir`,
      ]);
    };
    return { worker, heir, core, id, after, check };
  }
  const alive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };

  test.concurrent("host: its core hands back, and registers again when the host goes on", async ({ expect }) => {
    const stop = (one: PythonWorker) => one.process.kill("SIGSTOP");
    const { worker, heir, after, check } = await takenOver(expect, "host-stops", stop, 25);
    expect(after).toBeLessThan(18);
    const live = async () => (await call(at, "GET", "/deployments/host-stops")).body;
    expect(JSON.stringify(await live())).not.toContain('"victim"');
    // The heir's heartbeats count both of its processes: the core, and Python beside it.
    const memory = async () =>
      ((await live()).workers as Listed[]).find((one) => one.name === "heir")?.load?.memory_bytes ?? 0;
    const core = await heir.core();
    const ofCore = Number(readFileSync(`/proc/${core}/statm`, "utf8").split(" ")[1]) * 4096;
    await expect.poll(memory, { timeout: 30_000 }).toBeGreaterThan(1.2 * ofCore);
    worker.process.kill("SIGCONT"); // its attempt ends now, and means nothing any more
    await check();
    await worker.says("it is registered again");
    await expect.poll(async () => JSON.stringify(await live()), { timeout: 10_000 }).toContain('"victim"');
  }, 90_000);

  test.concurrent("core: its host ends it and hands back in its place", async ({ expect }) => {
    const { worker, core, after, check } = await takenOver(
      expect,
      "core-stops",
      (_, pid) => process.kill(pid, "SIGSTOP"),
      25,
    );
    expect(after).toBeLessThan(18);
    await check();
    expect((await worker.ended).code).toBe(1);
    expect(worker.log()).toMatch(/the worker core has said nothing for 12 s: it is ended/);
    expect(alive(core)).toBe(false);
  }, 90_000);

  test.concurrent("both die: the leases lapse", async ({ expect }) => {
    const { after, check } = await takenOver(
      expect,
      "both-die",
      (worker, core) => {
        worker.process.kill("SIGKILL");
        process.kill(core, "SIGKILL");
      },
      60,
    );
    expect(after).toBeLessThan(45);
    await check();
  }, 120_000);
});
