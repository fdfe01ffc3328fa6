/**
 * Workers of the official Python SDK on the deployed product: the same checks as on one machine, over SQS. The documents' worker is started
 * by `uv run python worker.py` in a folder with the built wheel alone; the others run from the sources.
 */
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Deployment } from "../../localstack/deploy.ts";
import { DEFAULTS } from "../../shared/server/settings.ts";
import { type CallProxy, callProxy } from "../python/call-proxy.ts";
import { checkEnds, checkExecution, checkResets, checkWaits } from "../python/checks.ts";
import { checkRateLimit, checkStickySessions, checkWithoutSession } from "../python/limits-checks.ts";
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
  recorded,
  scratch,
  start,
  touch,
} from "../python/surface-checks.ts";
import { type PythonProject, pythonProject } from "../support/python-project.ts";
import { type PythonWorker, startPythonWorker, whyNoPython, workerFile } from "../support/python-worker.ts";
import { DEPLOYED_WITHIN_MS, sharedStack } from "./shared-stack.ts";
import { cannotRun } from "./support.ts";

const noPython = await whyNoPython();
if (noPython) console.warn(`Skipping the tests of Python workers in the emulator. ${noPython}`);

type Victim = "host" | "core";

/** With `KILLS=all` each of the two processes is killed before and after each of these calls, otherwise one for each call. */
const POINTS = (["claim", "append", "park", "close"] as const)
  .flatMap((operation) =>
    (["before", "after"] as const).flatMap((when) =>
      (["host", "core"] as const).map((victim) => ({ operation, when, victim })),
    ),
  )
  .filter((_, i) => process.env.KILLS === "all" || i % 5 === 1);

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
async function frontOf(stack: Deployment, workersAt = stack.workerUrl): Promise<Front> {
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
    const text = (await answer.text()).replace(stack.outputs.WorkerUrl!.replace(/\/$/, ""), workersAt);
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" });
    response.end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

describe.skipIf(cannotRun ?? noPython)("a worker of the official Python SDK, on AWS", () => {
  let stack: Deployment;
  let at: Place;
  let project: PythonProject | undefined;
  /** The documents' worker is ready. An empty folder has no compiled files of Python, which takes a while. */
  let reporting: Promise<void>;
  let front: Front;
  const workers: PythonWorker[] = [];
  beforeAll(async () => {
    const { stack: deployed, key } = await sharedStack();
    stack = deployed;
    at = { url: stack.apiUrl, key };
    front = await frontOf(stack);
    const options = (deployment: string) => ({ url: front.url, key, deployment });
    reporting = pythonProject("uv").then(async (made) => {
      project = made;
      workers.push(await made.start("report.py", options("reports")));
    });
    reporting.catch(() => {}); // its test reports it
    await Promise.all(
      [
        ["surface.py", "surface"],
        ["story.py", "py"],
      ].map(async ([file, deployment]) => {
        workers.push(await startPythonWorker(workerFile(file!), options(deployment!)));
      }),
    );
  }, DEPLOYED_WITHIN_MS);
  afterAll(async () => {
    await reporting?.catch(() => {});
    await Promise.all(workers.map((worker) => worker.stop()));
    front?.server.close();
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
  test("registers the documents' report_workflow with its schedule, and runs it", async () => {
    await reporting;
    await checkReport(at);
  }, 240_000);

  describe("beside another one", () => {
    beforeAll(async () => {
      const options = { url: front.url, key: at.key, deployment: "limits" };
      const both = [1, 2].map(() => startPythonWorker(workerFile("limits.py"), options));
      workers.push(...(await Promise.all(both)));
    }, 120_000);
    test("shares one rate limit with it", () => checkRateLimit(at), 120_000);
    test("runs all activities of a sticky session, or none", () => checkStickySessions(at), 120_000);
    test("finds a sticky activity without a session to be a bug", () => checkWithoutSession(at), 120_000);
  });

  describe("is taken over at once when one of its two processes is killed:", () => {
    const deployment = "walk";
    interface Walker {
      readonly name: string;
      readonly worker: PythonWorker;
      readonly proxy: CallProxy;
      readonly front: Front;
    }
    let dir: string;
    let book: string;
    const lines = (): string[] => (existsSync(book) ? readFileSync(book, "utf8").trim().split("\n") : []);
    /** Two workers, behind a proxy each: the one that does not die is the heir. */
    const walkers: Walker[] = [];
    let spawned = 0;
    async function spawn(): Promise<Walker> {
      const name = `worker-${++spawned}`;
      const proxy = await callProxy();
      const own = await frontOf(stack, proxy.url);
      proxy.target = stack.workerUrl;
      const env = { WORKER_NAME: name, BOOK: book };
      const worker = await startPythonWorker(workerFile("walk.py"), { url: own.url, key: at.key, deployment, env });
      return { name, worker, proxy, front: own };
    }
    async function kill(walker: Walker, victim: Victim): Promise<void> {
      walkers.splice(walkers.indexOf(walker), 1);
      if (victim === "host") walker.worker.process.kill("SIGKILL");
      else process.kill(await walker.worker.core(), "SIGKILL");
      dead.push(walker);
    }
    const dead: Walker[] = [];
    beforeAll(() => {
      dir = scratch();
      book = join(dir, "book");
    });
    beforeEach(async () => {
      while (walkers.length < 2) walkers.push(await spawn());
    }, 120_000);
    afterAll(async () => {
      await Promise.all(walkers.map(({ worker }) => worker.stop()));
      for (const { proxy, front } of [...walkers, ...dead]) {
        proxy.close();
        front.server.close();
      }
    }, 60_000);

    /** Each step was done once; `twice` of them a second time, since an attempt was interrupted. */
    async function checkSteps(id: string, twice: number): Promise<void> {
      const [started, ...rest] = await history(at, id);
      const scheduled = rest.filter(({ kind }) => kind === "activity_scheduled");
      expect(scheduled.map(({ activity }) => activity)).toEqual([1, 2, 3]);
      const done = lines().filter((line) => line.includes(String(started!.run)));
      expect(new Set(done.map((line) => line.split(" ")[1]))).toEqual(new Set(["0", "1", "2"]));
      expect(done.length).toBeLessThanOrEqual(3 + twice);
    }

    test("warms the functions up", async () => {
      const id = await start(at, "walk", { steps: 3 }, deployment);
      expect(await closed(at, id, 60)).toEqual(["COMPLETED", { result: 3 }]);
      await checkSteps(id, 0);
    }, 120_000);

    test.each(POINTS)("$victim, $when $operation", async ({ operation, when, victim }) => {
      const nth = operation === "append" ? 2 : 1;
      let seen = 0;
      let killed = 0;
      for (const walker of walkers) {
        walker.proxy.on = async (phase, call) => {
          if (call.operation !== operation || phase !== when || ++seen !== nth) return;
          killed = Date.now();
          await kill(walker, victim);
        };
      }
      const id = await start(at, "walk", { steps: 3 }, deployment);
      expect(await closed(at, id, 60)).toEqual(["COMPLETED", { result: 3 }]);
      expect(killed).toBeGreaterThan(0);
      // Before the claim nothing but the queue knows of the task, which comes again when it has been invisible for 6 s. Nothing waits for
      // the end of a lease or of the session.
      expect(Date.now() - killed).toBeLessThan(DEFAULTS.leaseMs / 2);
      await checkSteps(id, 1);
    }, 120_000);

    test.each(["host", "core"] as const)("%s, while an activity runs", async (victim) => {
      const file = join(dir, `go-${victim}`);
      const id = await start(at, "walk", { steps: 3, wait_at: 1, wait_for: file }, deployment);
      const { run } = (await recorded(at, id, "execution_started")) as { run: string };
      const attempts = () => lines().filter((line) => line.startsWith("step 1") && line.includes(run));
      await expect.poll(attempts, { timeout: 30_000 }).toHaveLength(1);
      const killed = Date.now();
      await kill(walkers.find(({ name }) => attempts()[0]!.endsWith(name))!, victim);
      touch(file);
      expect(await closed(at, id, 60)).toEqual(["COMPLETED", { result: 3 }]);
      expect(Date.now() - killed).toBeLessThan(DEFAULTS.leaseMs / 2);
      expect(attempts()).toHaveLength(2);
      await checkSteps(id, 1);
    }, 120_000);
  });
});
