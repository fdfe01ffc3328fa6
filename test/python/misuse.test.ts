/** Settings and programs that cannot work end with one sentence that says what to do; ways to start, and to start again. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type PythonWorkerOptions,
  spawnPythonWorker,
  startPythonWorker,
  whyNoPython,
  workerFile,
} from "../support/python-worker.ts";
import { type TestServer, testServer } from "../support/test-server.ts";
import { call, closed, history, kinds, recorded, run, scratch, start } from "./surface-checks.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the tests of Python workers that cannot work. ${cannotRun}`);

describe.skipIf(cannotRun)("a Python worker that cannot work", () => {
  let at: TestServer;
  beforeAll(async () => {
    at = await testServer();
  });
  afterAll(async () => {
    await at?.close();
  });

  const endOf = async (
    program: string,
    env: Record<string, string | undefined> = {},
    o: Partial<PythonWorkerOptions> = {},
    file = "misuse.py",
  ) => {
    const options = { ...at, deployment: "misuse", env, ...o };
    const worker = await spawnPythonWorker(workerFile(file), { ...options, after: [program] });
    const { code } = await worker.ended;
    return { code, says: worker.log() };
  };

  test.each([
    ["no deployment", { DEPLOYMENT_NAME: undefined }, /DEPLOYMENT_NAME is required/],
    ["a wrong key", { MISTRAL_API_KEY: "sk_wrong" }, /Authentication failed. Check your MISTRAL_API_KEY/],
    ["no server", { SERVER_URL: "http://127.0.0.1:9" }, /cannot be reached .*set SERVER_URL to its address/],
    [
      "an address without http://",
      { SERVER_URL: "localhost:9" },
      /SERVER_URL is 'localhost:9'.* write it as http:\/\/localhost:9/,
    ],
    [
      "a port of metrics that is none",
      { SIROCCO_METRICS_PORT: "many" },
      /the worker was not registered: SIROCCO_METRICS_PORT is 'many': it must be a port number from 0 to 65535/,
    ],
    ["a form of lines that is none", { SIROCCO_LOG_FORMAT: "xml" }, /SIROCCO_LOG_FORMAT is 'xml': it must be one of/],
    ["no Node", { SIROCCO_NODE: "/nowhere/node" }, /SIROCCO_NODE is '\/nowhere\/node', which is no program/],
    [
      "a build id",
      { WORKER_VERSIONING_ENABLED: "true", BUILD_ID: "7" },
      /worker versioning \(BUILD_ID\) is not supported by Sirocco: unset WORKER_VERSIONING_ENABLED/,
    ],
    [
      "a token file",
      { MISTRAL_API_KEY: undefined, MISTRAL_SA_TOKEN_PATH: "/nowhere/token" },
      /MISTRAL_SA_TOKEN_PATH is not supported by Sirocco: unset it, and set MISTRAL_API_KEY to a key of the server/,
    ],
    ["pictures", { GRAPH__UPLOAD_GRAPH: "true" }, /\(GRAPH__UPLOAD_GRAPH\) are not supported by Sirocco: unset it/],
    [
      "another store than S3",
      {
        TEMPORAL_PAYLOAD_OFFLOADING__STORAGE_CONFIG__STORAGE_PROVIDER: "gcs",
        TEMPORAL_PAYLOAD_OFFLOADING__STORAGE_CONFIG__BUCKET_ID: "blobs",
      },
      /payloads are offloaded to S3 alone, and TEMPORAL_PAYLOAD_OFFLOADING names 'gcs'/,
    ],
  ])(
    "%s",
    async (_, env, says) => {
      const end = await endOf("plain", env);
      expect(end.says).toMatch(says);
      expect(end.code).toBe(1);
    },
    40_000,
  );

  test.each([
    ["on_behalf_of", /on_behalf_of is not supported by Sirocco: remove it from workflow ticket/],
    ["connectors", /connectors are not supported by Sirocco: remove them from Ticket, write/],
    ["webhook", /the webhook plugin is not supported by Sirocco: uninstall mistralai-workflows-plugins-webhook/],
    ["a bad name", /the worker was not registered: activity name: "two\\nlines" cannot be an activity name/],
  ])(
    "a program with %s is refused before it registers",
    async (uses, says) => {
      const end = await endOf(uses, {}, { deployment: "refused" }, "refused.py");
      expect(end.says).toMatch(says);
      expect(end.code).toBe(1);
      expect((await call(at, "GET", "/deployments/refused")).status).toBe(404);
    },
    40_000,
  );

  test("two workers in one process: the second says that one is enough, and both end", async () => {
    const end = await endOf("two_workers");
    expect(end.says).toMatch(/this process already runs a worker of deployment 'misuse': call run_worker once/);
    expect(end.code).toBe(1);
  }, 60_000);

  test('a program without `if __name__ == "__main__":` is told to have it', async () => {
    const worker = await spawnPythonWorker(workerFile("unguarded.py"), { ...at, deployment: "unguarded" });
    expect((await worker.ended).code).toBe(1);
    expect(worker.log()).toMatch(
      /calls run_worker when it is imported: put that call under `if __name__ == "__main__":`/,
    );
  }, 60_000);

  test("code that exits, is interrupted, prints bytes or forks leaves its worker at work", async () => {
    const worker = await startPythonWorker(workerFile("careless.py"), { ...at, deployment: "careless" });
    const failed = async (how: string) => {
      const id = await start(at, "careless", { how }, "careless");
      expect((await closed(at, id))[0], how).toBe("FAILED");
      return JSON.stringify((await history(at, id)).find(({ kind }) => kind === "activity_failed"));
    };
    expect(await failed("exit")).toContain('"type":"SystemExit"');
    expect(await failed("interrupt")).toContain('"type":"KeyboardInterrupt"');
    for (const [how, result] of Object.entries({
      "print bytes": "printed",
      fork: "7",
      pool: "0.5",
      terminate: "-15",
    })) {
      expect([how, ...(await run(at, "careless", { how }, "careless"))]).toEqual([how, "COMPLETED", { result }]);
    }
    const id = await start(at, "careless", { how: "exit workflow" }, "careless");
    const why = async () => (await call(at, "GET", `/executions/${id}/explain`)).body.summary;
    await expect.poll(why, { timeout: 30_000 }).toMatch(/called sys.exit\(5\).*return, or raise WorkflowError/);
    await call(at, "POST", `/executions/${id}/terminate`);
    expect(await run(at, "careless", { how: "nothing" }, "careless")).toEqual(["COMPLETED", { result: "nothing" }]);
    expect(worker.process.exitCode).toBeNull();
    await worker.stop();
  }, 120_000);

  test("the core notices at once that Python died, although a process that it forked lives on", async () => {
    const path = join(scratch(), "pid");
    const worker = () => startPythonWorker(workerFile("careless.py"), { ...at, deployment: "forked" });
    const first = await worker();
    const id = await start(at, "careless", { how: "leave a process behind", path }, "forked");
    await expect.poll(() => existsSync(path) && readFileSync(path, "utf8"), { timeout: 30_000 }).toMatch(/^\d+$/);
    const heir = await worker();
    first.process.kill("SIGKILL");
    await closed(at, id, 12); // 15 s by its silence
    process.kill(Number(readFileSync(path, "utf8")), 0); // it lives
    process.kill(Number(readFileSync(path, "utf8")), "SIGKILL");
    await heir.stop();
  }, 120_000);

  test("switched off, the SDK connects to its own server, which a Sirocco is not", async () => {
    const worker = await spawnPythonWorker(workerFile("misuse.py"), {
      ...at,
      deployment: "off",
      env: { SIROCCO_WORKER: "off" },
    });
    await worker.says(/Failed to connect to Temporal|temporal/i);
    expect(worker.log()).not.toContain("worker core runs");
    worker.process.kill("SIGKILL");
  }, 60_000);

  test("`python -m sirocco_worker` runs a program as `python` does", async () => {
    const worker = await startPythonWorker(workerFile("misuse.py"), {
      ...at,
      deployment: "module",
      args: ["-m", "sirocco_worker"],
    });
    expect(await run(at, "plain", {}, "module")).toEqual(["COMPLETED", { result: "done" }]);
    await worker.stop();
  }, 60_000);

  test("another process with another hash seed replays what one began, and goes on", async () => {
    const worker = (seed: string) =>
      startPythonWorker(workerFile("surface.py"), { ...at, deployment: "seeds", env: { PYTHONHASHSEED: seed } });
    const first = await worker("1");
    const id = await start(at, "order", { order: "A-7" });
    await recorded(at, id, "timer_started");
    await first.stop();
    const second = await worker("4242");
    await call(at, "POST", `/executions/${id}/signals`, { name: "approve", input: { by: "Ada" } });
    expect((await closed(at, id))[0]).toBe("COMPLETED");
    expect(await kinds(at, id)).not.toContain("workflow_task_failed");
    await second.stop();
  }, 90_000);

  test("half of a surrogate pair in logs and errors becomes U+FFFD; the SDK refuses it in values, at once", async () => {
    const worker = await startPythonWorker(workerFile("misuse.py"), { ...at, deployment: "halves", after: ["halves"] });
    expect(await run(at, "halves", { end: "logs" })).toEqual(["COMPLETED", { result: "whole" }]);
    for (const end of ["activity", "raise in activity"]) {
      const id = await start(at, "halves", { end });
      const [status] = await closed(at, id);
      expect([status, JSON.stringify(await history(at, id))]).toEqual([
        "FAILED",
        expect.stringContaining("surrogates not allowed"),
      ]);
    }
    const id = await start(at, "halves", { end: "return" });
    const why = async () => (await call(at, "GET", `/executions/${id}/explain`)).body.summary;
    await expect.poll(why, { timeout: 30_000 }).toContain("surrogates not allowed");
    const lines = async () => JSON.stringify((await call(at, "GET", `/executions/${id}/logs`)).body);
    await expect.poll(lines, { timeout: 30_000 }).toMatch(/activity cut \ufffd/);
    await worker.stop();
  }, 90_000);

  test("the documents' report_workflow registers with its schedule, which is created once", async () => {
    for (let i = 0; i < 2; i++) {
      const worker = await startPythonWorker(workerFile("report.py"), { ...at, deployment: "reports" });
      expect(worker.log()).toContain("DeprecationWarning");
      await worker.stop();
    }
    const { body } = await call(at, "GET", "/schedules");
    expect(body.schedules).toHaveLength(1);
  }, 60_000);
});
