/**
 * Workers of the official Python SDK on the deployed product: the same checks as on one machine, over SQS. They are started by
 * `uv run python worker.py` in a folder with the built wheel alone; those that are killed run from the sources.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
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

/** A server in front of the API; `asked`: methods and paths of its requests. */
interface Front {
  readonly url: string;
  readonly asked: Set<string>;
  readonly server: Server;
}

/**
 * The stack's API, at which the workers' endpoint has the address that the emulator gives it: those that the stack knows itself by
 * exist on AWS alone. So a worker needs `SERVER_URL` and nothing else, as there.
 */
async function frontOf(stack: Deployment): Promise<Front> {
  const asked = new Set<string>();
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const path = request.url!;
    asked.add(`${request.method} ${path.split("?")[0]}`);
    const { authorization = "", "content-type": type = "application/json" } = request.headers;
    const answer = await fetch(stack.apiUrl.replace(/\/$/, "") + path, {
      method: request.method!,
      headers: { authorization, "content-type": type },
      ...(parts.length > 0 && { body: Buffer.concat(parts) }),
    });
    const text = (await answer.text()).replace(stack.outputs.WorkerUrl!.replace(/\/$/, ""), stack.workerUrl);
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" });
    response.end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

describe.skipIf(cannotRun ?? noPython)("a worker of the official Python SDK, on AWS", () => {
  let account: TestAccount;
  let stack: Deployment;
  let at: Place;
  let project: PythonProject;
  let front: Front;
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
    front = await frontOf(stack);
    for (const [file, deployment] of [
      ["surface.py", "surface"],
      ["story.py", "py"],
      ["report.py", "reports"],
    ] as const) {
      workers.push(await project.start(file, { url: front.url, key: at.key, deployment }));
    }
  }, 300_000);
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    front?.server.close();
    await account?.stop();
    project?.remove();
  }, 60_000);

  test("is told the workers' endpoint of the stack, as its output names it", async () => {
    const { body } = await call(at, "GET", "/workers/whoami");
    expect(body).toMatchObject({ engine: "sirocco", scheduler_url: stack.outputs.WorkerUrl!.replace(/\/$/, "") });
  });
  test("finds the workers' endpoint by SERVER_URL alone, and works there", () => {
    expect(front.asked).toContain("GET /v1/workflows/workers/whoami");
    expect([...front.asked].filter((path) => path.includes("/v1/worker/"))).toEqual([]);
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
      const env = { WORKER_NAME: name, BOOK: book };
      const worker = await startPythonWorker(workerFile("walk.py"), { url: front.url, key: at.key, deployment, env });
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
