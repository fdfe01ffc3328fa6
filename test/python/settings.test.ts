/** The SDK's settings, from the environment and from `.env`, and those of its helpers that the other workers do not use. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../localstack/emulator.ts";
import {
  type PythonWorker,
  preparePython,
  startPythonWorker,
  whyNoPython,
  workerFile,
} from "../support/python-worker.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { call, closed, history, run, scratch, start } from "./surface-checks.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the tests of the SDK's settings. ${cannotRun}`);

describe.skipIf(cannotRun)("a Python worker with settings", () => {
  let at: TestServer;
  let worker: PythonWorker;
  let port: number;
  let metricsPort: number;
  beforeAll(async () => {
    at = await testServer();
    port = await freePort();
    metricsPort = await freePort();
    const cwd = scratch();
    writeFileSync(join(cwd, ".env"), "DEPLOYMENT_NAME=from-dotenv\nWORKFLOW_NAME_PREFIX=team-\n");
    worker = await startPythonWorker(workerFile("settings.py"), {
      ...at,
      cwd,
      deployment: "",
      env: {
        DEPLOYMENT_NAME: undefined,
        WORKERS: workerFile("."),
        HEALTH_SERVER_PORT: String(port),
        SIROCCO_METRICS_PORT: String(metricsPort),
        SIROCCO_LOG_FORMAT: "json",
        SIROCCO_LOG_LEVEL: "info",
        MAX_CONCURRENT_ACTIVITIES: "1",
        RETRY_POLICY_MAX_ATTEMPTS: "2",
        RETRY_POLICY_BACKOFF_COEFFICIENT: "1.25",
        DANGEROUSLY_FORCE_FAIL_WORKFLOW_ON_ERROR: "true",
        DEFAULT_ENFORCE_DETERMINISM: "false",
      },
    });
  }, 120_000);
  afterAll(async () => {
    await worker?.stop();
    await at?.close();
  }, 30_000);

  test("reads `.env`, prefixes names, and finds the workflows of a package", async () => {
    expect(worker.log()).toContain("discovered ['team-greeting']");
    expect(await run(at, "team-greeting", { name: "Ada" }, "from-dotenv")).toEqual([
      "COMPLETED",
      { result: "Hello, Ada" },
    ]);
  }, 60_000);

  test("counts steps and attempts for Prometheus, and writes its lines in the form of all processes", async () => {
    await run(at, "team-greeting", { name: "Ada" }, "from-dotenv");
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(text).toMatch(/^sirocco_worker_info\{deployment="from-dotenv",.*\} 1$/m);
    expect(text).toMatch(/^sirocco_worker_slots\{kind="activities"\} 1$/m);
    expect(text).toMatch(/^sirocco_worker_steps_total\{workflow="team-greeting"\} [1-9]/m);
    const lines = worker.log().split("\n");
    const runs = JSON.parse(lines.find((line) => line.includes('"worker core runs"'))!);
    expect(Object.keys(runs).slice(0, 3)).toEqual(["time", "level", "message"]);
    expect(runs).toMatchObject({ level: "info", message: "worker core runs", pid: expect.any(Number) });
  }, 60_000);

  test("leaves executions of a workflow with `is_technical` out of a list of what is not internal", async () => {
    const id = await start(at, "team-plumbing", {}, "from-dotenv");
    expect(await closed(at, id)).toEqual(["COMPLETED", { result: "flows" }]);
    const listed = async (query: string) => JSON.stringify((await call(at, "GET", `/runs${query}`)).body).includes(id);
    expect([await listed("?include_internal=false"), await listed("")]).toEqual([false, true]);
    const { body } = await call(at, "GET", "/team-plumbing");
    expect(body).toMatchObject({ workflow: { is_technical: true } });
  }, 60_000);

  test("is reported on by `wf-diagnose`, which finds the server in order", async () => {
    const env = { PATH: process.env.PATH, SERVER_URL: at.url, MISTRAL_API_KEY: at.key, DEPLOYMENT_NAME: "diagnosed" };
    const python = await preparePython();
    const args = [join(python, "../wf-diagnose"), "report"];
    // `report.py` is imported, and its workflows are listed.
    const options = { env: { ...env, PYTHONPATH: workerFile(".") }, maxBuffer: 1 << 22 };
    const { stdout } = await promisify(execFile)(python, args, options);
    expect(stdout).toContain('"name": "report_workflow"');
    expect(stdout).toContain(`"scheduler_url": "${at.url}"`);
    expect(stdout).toMatch(/\[OK\] {3}Temporal \(127\.0\.0\.1:\d+, tls=False\)/);
    expect(stdout).not.toContain("[FAIL]");
    expect(stdout).not.toContain(at.key);
  }, 60_000);

  test("answers on HEALTH_SERVER_PORT", async () => {
    expect(await (await fetch(`http://127.0.0.1:${port}/health`)).text()).toBe("OK");
  });

  test("ends an execution at the `execution_timeout` of its definition, and names an activity as its decorator does", async () => {
    const id = await start(at, "team-hurried", {}, "from-dotenv");
    expect((await closed(at, id, 30))[0]).toBe("TIMED_OUT");
    const scheduled = (await history(at, id)).find(({ kind }) => kind === "activity_scheduled");
    expect(scheduled).toMatchObject({
      name: "called otherwise: now",
      options: { retry: { max_attempts: 4, factor: 1.5 } },
    });
  }, 60_000);

  test("runs at most MAX_CONCURRENT_ACTIVITIES activities at a time", async () => {
    expect(await run(at, "team-concurrent", {})).toEqual(["COMPLETED", { result: [1, 1, 1, 1] }]);
  }, 60_000);

  test("tries an activity RETRY_POLICY_MAX_ATTEMPTS times, with RETRY_POLICY_BACKOFF_COEFFICIENT between them", async () => {
    const id = await start(at, "team-tried", {});
    expect((await closed(at, id))[0]).toBe("FAILED");
    const scheduled = (await history(at, id)).find(({ kind }) => kind === "activity_scheduled");
    expect(scheduled).toMatchObject({ options: { retry: { max_attempts: 2, factor: 1.25 } } });
    const { body } = await call(at, "GET", "/failures");
    expect(JSON.stringify(body)).toContain("try 2");
    expect(JSON.stringify(body)).not.toContain("try 3");
  }, 60_000);

  test("tells workflow code to continue as new when its history holds more than 10 MiB", async () => {
    expect(await run(at, "team-filling", {})).toEqual(["COMPLETED", { result: 7 }]);
  }, 90_000);

  test("serves what a detached worker was given, which the program goes on beside", () => {
    expect(worker.log()).toMatch(/detached/); // every other test here is served by it
  });

  test("fails an execution by a bug when DANGEROUSLY_FORCE_FAIL_WORKFLOW_ON_ERROR says so", async () => {
    expect((await run(at, "team-buggy", {}))[0]).toBe("FAILED");
  }, 60_000);

  test("runs without the sandbox by DEFAULT_ENFORCE_DETERMINISM, and has the tasks of `task_from`", async () => {
    const id = await start(at, "team-free", {});
    const [status, result] = await closed(at, id);
    expect([status, result], JSON.stringify((await history(at, id)).at(-1))).toEqual([
      "COMPLETED",
      { result: "7 False" },
    ]);
  }, 60_000);

  test("lifts the sandbox by `unsafe.skip_determinism_enforcement`", async () => {
    expect(await run(at, "team-lifted", {})).toEqual(["COMPLETED", { result: true }]);
  }, 60_000);

  test("closes children by their ParentClosePolicy", async () => {
    const [status, result] = await run(at, "team-leaving", {});
    expect(status).toBe("COMPLETED");
    const [abandoned, terminated, cancelled] = (result as { result: string[] }).result;
    expect((await closed(at, terminated!, 20))[0]).toBe("TERMINATED");
    expect((await closed(at, cancelled!, 20))[0]).toBe("CANCELED");
    expect((await history(at, abandoned!)).at(-1)?.kind).toBe("execution_started");
    await call(at, "POST", `/executions/${abandoned}/terminate`);
  }, 60_000);
});
