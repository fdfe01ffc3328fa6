/**
 * Workers of the official Python SDK on the deployed product: the same checks as on one machine, over SQS. They are started by
 * `uv run python worker.py` in a folder with the built wheel alone; those that are killed run from the sources.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Deployment, deploy } from "../../localstack/deploy.ts";
import { checkEnds, checkExecution, checkResets, checkWaits } from "../python/checks.ts";
import {
  call,
  checkCancellation,
  checkFailures,
  checkHandlers,
  checkHistory,
  checkHumanInput,
  checkReport,
  checkResults,
  checkSearchKeys,
  checkStream,
  closed,
  history,
  type Place,
  scratch,
  start,
  touch,
} from "../python/surface-checks.ts";
import { type PythonProject, pythonProject } from "../support/python-project.ts";
import { type PythonWorker, startPythonWorker, whyNoPython, workerFile } from "../support/python-worker.ts";
import { blankAccount, cannotRun, type TestAccount } from "./support.ts";

const noPython = await whyNoPython();
if (noPython) console.warn(`Skipping the tests of Python workers in the emulator. ${noPython}`);

describe.skipIf(cannotRun ?? noPython)("a worker of the official Python SDK, on AWS", () => {
  let account: TestAccount;
  let stack: Deployment;
  let at: Place;
  let project: PythonProject;
  const workers: PythonWorker[] = [];
  beforeAll(async () => {
    [project, account] = await Promise.all([pythonProject("uv"), blankAccount()]);
    stack = await deploy({ endpoint: account.endpoint });
    const made = await promisify(execFile)("sh", ["-c", stack.outputs.FirstKeyCommand!], {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL: account.endpoint,
        AWS_REGION: account.region,
        AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
      },
    });
    at = { url: stack.apiUrl, key: /^SIROCCO_API_KEY=(\S+)$/m.exec(made.stdout)![1]! };
    for (const [file, deployment] of [
      ["surface.py", "surface"],
      ["story.py", "py"],
      ["report.py", "reports"],
    ] as const) {
      // The emulator's addresses are not those that the stack knows itself by; elsewhere `whoami` names the workers' endpoint.
      const env = { SIROCCO_URL: stack.workerUrl };
      workers.push(await project.start(file, { ...at, deployment, env }));
    }
  }, 300_000);
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await account?.stop();
    project?.remove();
  }, 60_000);

  test("is told the workers' endpoint of the stack, as its output names it", async () => {
    const { body } = await call(at, "GET", "/workers/whoami");
    expect(body).toMatchObject({ engine: "sirocco", scheduler_url: stack.outputs.WorkerUrl!.replace(/\/$/, "") });
  });
  test("registers the documents' report_workflow with its schedule, and runs it", () => checkReport(at), 120_000);
  test("brings activities, children, fan-out and continued runs to their results", () => checkResults(at), 240_000);
  test("records what the user's code did, and nothing of the SDK's bookkeeping", () => checkHistory(at), 120_000);
  test("is streamed by the official client, with the task events of its activities", () => checkStream(at), 120_000);
  test("answers queries and updates, and refuses what does not fit", () => checkHandlers(at), 120_000);
  test("waits for a person's input", () => checkHumanInput(at), 120_000);
  test("cleans up when it is cancelled", () => checkCancellation(at), 120_000);
  test("fails on purpose, and waits after a bug", () => checkFailures(at), 180_000);
  test("can be found by search keys", () => checkSearchKeys(at), 120_000);
  test("serves the official Python client as the worker in TypeScript does", () => checkExecution(at), 180_000);
  test("lets the Python client wait in each of its ways", () => checkWaits(at), 120_000);
  test("lets the Python client cancel and terminate", () => checkEnds(at), 120_000);
  test("lets the Python client reset an execution that has completed", () => checkResets(at), 120_000);

  test.each(["host", "core"] as const)("is taken over at once when its %s is killed", async (victim) => {
    const deployment = `killed-${victim}`;
    const dir = scratch();
    const book = join(dir, "book");
    const lines = (): string[] => (existsSync(book) ? readFileSync(book, "utf8").trim().split("\n") : []);
    const spawn = async (name: string) => {
      const env = { SIROCCO_URL: stack.workerUrl, WORKER_NAME: name, BOOK: book };
      const worker = await startPythonWorker(workerFile("walk.py"), { ...at, deployment, env });
      workers.push(worker);
      return worker;
    };
    const worker = await spawn("victim");
    const core = await worker.core();
    const file = join(dir, "go");
    const id = await start(at, "walk", { steps: 3, wait_at: 1, wait_for: file }, deployment);
    await expect.poll(lines, { timeout: 30_000 }).toHaveLength(2);
    await spawn("heir");
    const killed = Date.now();
    if (victim === "host") worker.process.kill("SIGKILL");
    else process.kill(core, "SIGKILL");
    touch(file);
    expect(await closed(at, id, 60)).toEqual(["COMPLETED", { result: 3 }]);
    expect(Date.now() - killed, worker.log()).toBeLessThan(5_000);
    const scheduled = (await history(at, id)).filter(({ kind }) => kind === "activity_scheduled");
    expect(scheduled.map(({ activity }) => activity)).toEqual([1, 2, 3]);
    expect(lines().map((line) => `${line.split(" ")[1]} ${line.split(" ").at(-1)}`)).toEqual([
      ...["0 victim", "1 victim", "1 heir", "2 heir"],
    ]);
  }, 120_000);
});
