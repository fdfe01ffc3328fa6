/** The settings of a worker, its key, its health check and its end, over real HTTP. */
import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { startServer } from "../../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { embedded } from "../../shared/server/embedded.ts";
import {
  activity,
  log as anyLog,
  runWorker,
  startWorker,
  WorkerConfigError,
  type WorkerOptions,
  workflow,
} from "../index.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const quick = activity({ name: "quick", input: z.object({ n: z.number() }) }, async ({ n }) => n);
const flow = workflow({ name: "flow" }, async () => quick({ n: 1 }));
const right = {
  deployment: "shop",
  url: "http://127.0.0.1:1",
  apiKey: "k",
  workflows: [flow],
  activities: [quick],
  log,
};

const NAMES = ["DEPLOYMENT_NAME", "WORKER_NAME", "SIROCCO_URL", "SIROCCO_API_KEY", "HEALTH_SERVER_PORT"];
let saved: Record<string, string | undefined>;
beforeEach(() => {
  saved = Object.fromEntries(NAMES.map((name) => [name, process.env[name]]));
  for (const name of NAMES) delete process.env[name];
});
afterEach(() => {
  for (const [name, value] of Object.entries(saved)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

async function installation(port = 0) {
  const ports = embedded();
  const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "test" });
  const server = await startServer({ ports, version: "test", port });
  return {
    ports,
    key,
    url: server.url,
    async [Symbol.asyncDispose]() {
      await server.close(100);
      ports.close();
    },
  };
}

describe("a worker refuses to start", () => {
  const wrong: [string, Partial<WorkerOptions>, string][] = [
    ["without a deployment", { deployment: "" }, "DEPLOYMENT_NAME is not set: a worker must say which deployment"],
    [
      "with a deployment name of other characters",
      { deployment: "my shop" },
      'DEPLOYMENT_NAME: "my shop" cannot be a deployment name: use 1 to 128 letters',
    ],
    ["with a deployment name that is too long", { deployment: "x".repeat(129) }, "use 1 to 128 letters"],
    ["without a server", { url: "" }, "SIROCCO_URL is not set: it must be the http(s) address"],
    ["with a server address that is not http(s)", { url: "ftp://x" }, "SIROCCO_URL is 'ftp://x'"],
    ["without a key", { apiKey: "" }, "SIROCCO_API_KEY is not set: `sirocco dev` prints a key"],
    ["without workflows and activities", { workflows: [], activities: [] }, "at least one workflow or activity"],
    ["with two workflows of one name", { workflows: [flow, flow] }, "two workflow definitions are called 'flow'"],
    ["with two activities of one name", { activities: [quick, quick] }, "two activity definitions are called 'quick'"],
    [
      "with no slot for activities",
      { maxConcurrentActivities: 0 },
      "maxConcurrentActivities is 0: it must be a whole number from 1",
    ],
    ["with a fraction of a workflow at a time", { maxConcurrentWorkflows: 0.5 }, "maxConcurrentWorkflows is 0.5"],
    ["with a cache size that is no number", { cachedExecutions: Number.NaN }, "cachedExecutions is NaN"],
  ];
  test.each(wrong)("%s", async (_, over, message) => {
    const starting = startWorker({ ...right, ...over });
    await expect(starting).rejects.toThrow(WorkerConfigError);
    await expect(starting).rejects.toThrow(message);
  });

  test("with a shutdown grace that is no duration", async () => {
    await expect(startWorker({ ...right, shutdownGrace: "soon" as never })).rejects.toThrow("shutdownGrace");
    await expect(startWorker({ ...right, abortAtShutdown: "now" as never })).rejects.toThrow(
      "abortAtShutdown is 'now': it must be 'after_grace' or 'at_once'",
    );
  });

  test("with a health port that is no port, before anything else", async () => {
    for (const port of ["http", "70000", "-1"]) {
      process.env.HEALTH_SERVER_PORT = port;
      await expect(runWorker(right)).rejects.toThrow(`HEALTH_SERVER_PORT is '${port}': it must be a port number`);
    }
  });

  test("with a health port that another process has", async () => {
    const other = createServer().listen(0);
    const { port } = other.address() as { port: number };
    process.env.HEALTH_SERVER_PORT = String(port);
    await expect(runWorker(right)).rejects.toThrow(`HEALTH_SERVER_PORT is ${port}, where no server could be started`);
    other.close();
  });

  test("with a key that the server does not know, and closes the resources that it had opened", async () => {
    await using on = await installation();
    const seen: string[] = [];
    const starting = startWorker({
      ...right,
      url: on.url,
      apiKey: "wrong",
      resources: {
        db: {
          open: () => "open",
          close: (db) => {
            seen.push(db);
          },
        },
      },
    });
    await expect(starting).rejects.toThrow(/does not know this SIROCCO_API_KEY/);
    expect(seen).toEqual(["open"]);
  });

  test("with the address of clients where workers have another, and says which", async () => {
    const detail =
      "There is nothing at POST /v1/worker/register. Start the worker with SIROCCO_URL=https://w.example.com.";
    const clients = createServer((_, answer) => {
      answer.writeHead(404, { "content-type": "application/json" }).end(JSON.stringify({ detail, code: "NO_ROUTE" }));
    }).listen(0);
    const { port } = clients.address() as { port: number };
    const starting = startWorker({ ...right, url: `http://127.0.0.1:${port}` });
    await expect(starting).rejects.toThrow(WorkerConfigError);
    await expect(starting).rejects.toThrow(/output WorkerUrl.*SIROCCO_URL=https:\/\/w\.example\.com/);
    clients.close();
  });
});

test("VERSION-3: a worker that the server does not serve says why, also when the server was replaced while it worked", async () => {
  const why =
    "this worker (typescript/0.1.0) speaks worker protocol 1, and the server (9.0.0) 3: update the worker's SDK";
  const refusal = JSON.stringify({ detail: why, code: "UNSUPPORTED_VERSION" });
  const registered = {
    workspace: "default",
    has_conflicts: false,
    warnings: [],
    workflow_registration_refs: [],
    ...{ heartbeat_ms: 20, session_timeout_ms: 60_000, lease_ms: 30_000, now: Date.now(), tasks: { via: "poll" } },
  };
  let isReplaced = false;
  const server = createServer((request, answer) => {
    const json = { "content-type": "application/json" };
    const operation = request.url!.split("/").at(-1);
    request.resume();
    if (operation === "register" && isReplaced) answer.writeHead(409, json).end(refusal);
    else if (operation === "register") answer.writeHead(200, json).end(JSON.stringify(registered));
    else if (operation === "heartbeat") answer.writeHead(200, json).end('{"all_active":false,"now":1}');
    else if (operation === "stop") answer.writeHead(200, json).end("{}");
    else if (operation === "poll") setTimeout(() => answer.writeHead(200, json).end('{"deliveries":[]}'), 20);
    else answer.writeHead(200, json).end("{}");
  }).listen(0);
  const { port } = server.address() as { port: number };
  const options = { ...right, url: `http://127.0.0.1:${port}` };
  const worker = await startWorker(options);
  isReplaced = true;
  const ended = await worker.failed;
  expect(ended).toBeInstanceOf(WorkerConfigError);
  expect(ended.message).toContain("does not serve this worker any more");
  expect(ended.message).toContain(why);
  const refused = startWorker(options);
  await expect(refused).rejects.toThrow(WorkerConfigError);
  await expect(refused).rejects.toThrow(/does not serve this worker: .*update the worker's SDK/);
  server.closeAllConnections();
  server.close();
});

test("the health of a worker is that of its resources", async () => {
  await using on = await installation();
  let well = true;
  const resources = { db: { open: () => "db", check: () => well } };
  const worker = await startWorker({ ...right, url: on.url, apiKey: on.key, resources });
  expect(await worker.health()).toEqual({ status: "ok" });
  well = false;
  expect(await worker.health()).toEqual({ status: "unhealthy", resource: "db", detail: "its check answered false" });
  await worker.stop();
});

test("a worker whose resource cannot be opened registers nothing", async () => {
  await using on = await installation();
  const resources = { db: { open: () => Promise.reject(new Error("no route to host")) } };
  const starting = startWorker({ ...right, url: on.url, apiKey: on.key, resources });
  await expect(starting).rejects.toThrow(
    "resource 'db' could not be opened, so the worker does not start: no route to host",
  );
  expect(await on.ports.registry.workers(DEFAULT_WORKSPACE)).toEqual([]);
});

test("settings come from the environment, and the default name is that of the host", async () => {
  await using on = await installation();
  Object.assign(process.env, {
    DEPLOYMENT_NAME: "from_env",
    SIROCCO_URL: on.url,
    SIROCCO_API_KEY: on.key,
    WORKER_NAME: "w7",
  });
  const worker = await startWorker({ workflows: [flow], log });
  expect(worker).toMatchObject({ deployment: "from_env", name: "w7", warnings: [] });
  expect(await on.ports.registry.workers(DEFAULT_WORKSPACE)).toMatchObject([{ deployment: "from_env", name: "w7" }]);
  await worker.stop();
  expect(await on.ports.registry.workers(DEFAULT_WORKSPACE)).toEqual([]);
});

test("a worker ends when the server does not know its key any more, without an unhandled rejection", async () => {
  const on = await installation();
  const closed: boolean[] = [];
  const close = () => void closed.push(true);
  const worker = await startWorker({
    ...right,
    url: on.url,
    apiKey: on.key,
    resources: { any: { open: () => 1, close } },
  });
  await on[Symbol.asyncDispose]();
  await using _ = await installation(Number(new URL(on.url).port)); // another installation, with keys of its own
  const why = await worker.failed;
  expect(why).toBeInstanceOf(WorkerConfigError);
  expect(why.message).toMatch(/does not accept this SIROCCO_API_KEY any more/);
  expect(closed).toEqual([true]);
  expect(await worker.stop()).toBe(0);
});

test("the health check answers 200 while the worker works; SIGTERM drains it, and `runWorker` returns", async () => {
  await using on = await installation();
  const probe = createServer().listen(0);
  const { port } = probe.address() as { port: number };
  await new Promise((ok) => probe.close(ok));
  process.env.HEALTH_SERVER_PORT = String(port);
  const lines: string[] = [];
  const before = process.listenerCount("SIGINT");
  let serving = () => {};
  const served = new Promise<void>((ok) => {
    serving = ok;
  });
  const running = runWorker({
    ...right,
    url: on.url,
    apiKey: on.key,
    log: {
      ...log,
      info(line) {
        lines.push(line);
        serving();
      },
    },
  });
  await served;
  await new Promise((ok) => setImmediate(ok));
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${port}/else`)).status).toBe(404);
  process.emit("SIGTERM");
  await running;
  expect(lines.at(-1)).toBe("worker stopped");
  await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
  expect(process.listenerCount("SIGINT")).toBe(before);
});

test("polls and calls leave no listeners behind on the signal that aborts them", async () => {
  await using on = await installation();
  const warnings: string[] = [];
  const note = (warning: Error) => warnings.push(warning.message);
  process.on("warning", note);
  const worker = await startWorker({ ...right, url: on.url, apiKey: on.key });
  const headers = { authorization: `Bearer ${on.key}`, "content-type": "application/json" };
  const body = JSON.stringify({ input: {}, wait_for_result: true });
  for (let i = 0; i < 40; i++) {
    const answer = await fetch(`${on.url}/v1/workflows/flow/execute`, { method: "POST", headers, body });
    expect(await answer.json()).toMatchObject({ result: { result: 1 } });
  }
  await worker.stop();
  process.off("warning", note);
  expect(warnings).toEqual([]);
});

test("what an activity logs carries the ids of its execution, run, call and attempt", async () => {
  await using on = await installation();
  const lines: [string, Record<string, unknown> | undefined][] = [];
  const note = (message: string, fields?: Record<string, unknown>) => void lines.push([message, fields]);
  const saying = activity({ name: "saying", input: z.object({}) }, async (_, ctx) => {
    ctx.log.info("by the context", { n: 1 });
    anyLog.info("by the import");
  });
  const says = workflow({ name: "says" }, async () => saying({}));
  const worker = await startWorker({
    ...right,
    url: on.url,
    apiKey: on.key,
    workflows: [says],
    activities: [saying],
    log: { ...log, info: note },
  });
  try {
    const answer = await fetch(`${on.url}/v1/workflows/says/execute`, {
      method: "POST",
      headers: { authorization: `Bearer ${on.key}`, "content-type": "application/json" },
      body: JSON.stringify({ execution_id: "x-1", wait_for_result: true }),
    });
    expect(answer.status).toBe(200);
    const ids = {
      execution: "x-1",
      run: expect.any(String),
      workflow: "says",
      activity: 1,
      attempt: 1,
      name: "saying",
    };
    expect(lines).toContainEqual(["by the context", { ...ids, n: 1 }]);
    expect(lines).toContainEqual(["by the import", ids]);
  } finally {
    await worker.stop();
  }
});
