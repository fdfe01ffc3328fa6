/** What the first request of a process waits for (INIT-1 to INIT-3): the bundles in processes, over tables in memory. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundle } from "../../functions/build/bundle.ts";
import { createKey } from "../../shared/api/index.ts";
import { ENV, type FunctionName } from "../../shared/aws/names.ts";
import { realClock } from "../../shared/lib/clock.ts";
import { batchOf, begun, bench, claimed, completed, definition, newRef, scheduled, uuid } from "../contract/subject.ts";
import { MEMORY_TABLES, memoryAws } from "../support/memory-aws.ts";
import { type PlayedAws, playAws } from "../support/played-aws.ts";

interface Told {
  readonly kind: string;
  readonly loads: string[];
  readonly statusCode?: number;
  readonly body?: string;
}

const on = memoryAws({ clock: realClock });
const b = bench({ ports: on.ports, pass: async () => {} });
const workspace = uuid();
let folder: string;
let played: PlayedAws;
let key: string;
const processes: ChildProcess[] = [];

const environment = () => ({
  [ENV.executionsTable]: MEMORY_TABLES.executions,
  [ENV.registryTable]: MEMORY_TABLES.registry,
  [ENV.schedulesTable]: MEMORY_TABLES.schedules,
  [ENV.feedTable]: MEMORY_TABLES.feed,
  [ENV.taskQueuePrefix]: "memory-tasks-",
  [ENV.logLevel]: "error",
  AWS_ENDPOINT_URL: played.url,
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_SESSION_TOKEN: "test",
  AWS_LAMBDA_FUNCTION_NAME: "Sirocco",
});

async function told(child: ChildProcess): Promise<Told> {
  const [message] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => {
      throw new Error(`the function's process ended with exit code ${code}`);
    }),
  ])) as [Told];
  return message;
}

/** Starts a process of the function. Answers what its init phase did, and what each event costs. */
async function start(name: FunctionName, more: Record<string, string> = {}) {
  played.take();
  const bundled = join(folder, name, "index.mjs");
  const child = fork(join(import.meta.dirname, "cold-process.ts"), [bundled], {
    env: { PATH: process.env.PATH, ...environment(), ...more },
  });
  processes.push(child);
  const ready = await told(child);
  return {
    init: { ...played.take(), loads: ready.loads },
    async send(event: object) {
      child.send(event);
      const { statusCode, body, loads } = await told(child);
      return { statusCode, body, loads, ...played.take() };
    },
  };
}

const rest = (httpMethod: string, path: string, body?: unknown) => ({
  httpMethod,
  path,
  headers: { Authorization: `Bearer ${key}` },
  multiValueQueryStringParameters: null,
  body: body === undefined ? null : JSON.stringify(body),
  isBase64Encoded: false,
  requestContext: { domainName: "api.example.com", stage: "api", path: `/api${path}` },
});
const url = (path: string, body: unknown) => ({
  rawPath: path,
  rawQueryString: "",
  headers: { authorization: `Bearer ${key}` },
  body: JSON.stringify(body),
  isBase64Encoded: false,
  requestContext: { domainName: "workers.example.com", http: { method: "POST" } },
});

const local = (n: number) => ({ ...scheduled(n), where: `local:${uuid()}` as const });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sirocco-cold-"));
  [played] = await Promise.all([playAws(on.clients), bundle({ out: folder })]);
  ({ key } = await createKey(on.ports, { workspace, name: "tester" }));
  const who = { workspace, deployment: "shop", worker: "w", session: uuid() };
  const definitions = [definition("orders")];
  await on.ports.registry.register({ ...who, definitions, activities: [], now: Date.now() });
}, 120_000);
afterAll(async () => {
  for (const child of processes) child.kill("SIGKILL");
  await played?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Of requests that a process gets first: their function, their event, and the calls that they make themselves. */
const FIRST: [what: string, FunctionName, event: () => Promise<object>, status: number, calls: string[]][] = [
  [
    "a start",
    "executions",
    async () => rest("POST", "/v1/workflows/orders/execute", { execution_id: `x-${uuid()}`, input: {} }),
    200,
    ["GetItem", "Query", "BatchGetItem", "GetItem", "PutItem", "GetQueueUrl", "SendMessage"],
  ],
  [
    "an append",
    "worker",
    async () => {
      const head = await claimed(b, await begun(b, newRef(workspace)));
      const { execution, run, chain, fence } = head;
      const batch = batchOf(2, Date.now(), [local(1)]);
      return url("/v1/worker/append", { items: [{ execution, run, chain, fence, batch, taken: [], look: false }] });
    },
    200,
    ["GetItem", "GetItem", "PutItem"],
  ],
  [
    "a claim",
    "worker",
    async () => {
      const { execution } = await begun(b, newRef(workspace), { due_at: Date.now() + 120_000 });
      return url("/v1/worker/claim", { execution, session: uuid() });
    },
    200,
    ["GetItem", "GetItem", "UpdateItem", "Query"],
  ],
  [
    "a close",
    "worker",
    async () => {
      const head = await claimed(b, await begun(b, newRef(workspace), { deadline: Date.now() + 3_600_000 }));
      const { execution, run, chain, fence } = head;
      const batch = batchOf(2, Date.now(), [completed]);
      const rest = { taken: [], result: { ok: true }, failure: null, outbox: [], carried: [] };
      return url("/v1/worker/close", { execution, run, chain, fence, batch, ...rest });
    },
    200,
    ["GetItem", "GetItem", "TransactWriteItems"],
  ],
  [
    "a look at an execution",
    "executions",
    async () => rest("GET", `/v1/workflows/executions/${(await begun(b, newRef(workspace))).execution}`),
    200,
    ["GetItem", "GetItem", "GetItem"],
  ],
  [
    "a termination",
    "commands",
    async () => rest("POST", `/v1/workflows/executions/${(await begun(b, newRef(workspace))).execution}/terminate`),
    204,
    ["GetItem", "GetItem", "GetItem", "Query", "TransactWriteItems", "Query"],
  ],
  ["a list of events", "streams", async () => rest("GET", "/v1/workflows/events/list"), 200, ["GetItem", "Query"]],
  [
    "a list of workflows",
    "registration",
    async () => rest("GET", "/v1/workflows"),
    200,
    ["GetItem", "Query", "Query", "Query", "BatchGetItem"],
  ],
  ["a list of schedules", "schedules", async () => rest("GET", "/v1/workflows/schedules"), 200, ["GetItem", "Query"]],
];

test.each(FIRST)("%s finds everything loaded and connected", async (_, name, event, status, calls) => {
  const process = await start(name);
  expect(process.init.calls).toEqual(["GetItem"]); // the time
  const answer = await process.send(await event());
  expect(answer.statusCode, answer.body).toBe(status);
  const { loads, connections } = answer;
  // SQS has a connection of its own, and no call that a function has a right to and that changes nothing. The list of
  // workflows reads three ranges at a time.
  expect({ loads, connections, calls: answer.calls }).toEqual({
    loads: [],
    connections: calls.includes("SendMessage") ? 1 : calls.filter((call) => call === "Query").length > 2 ? 2 : 0,
    calls,
  });
});

test.each<[FunctionName, object]>([
  ["sweeper", {}],
  ["feed", { Records: [] }],
  ["scheduler", { Records: [] }],
  ["deadletters", { Records: [] }],
])("the first event of %s loads nothing more", async (name, event) => {
  const process = await start(name);
  expect(process.init.calls).toEqual(["GetItem"]);
  expect((await process.send(event)).loads).toEqual([]);
});

test("an init phase without an answer of AWS ends, and the process still serves", async () => {
  const process = await start("registration", { AWS_ENDPOINT_URL: "http://127.0.0.1:9" });
  expect(process.init.calls).toEqual([]);
  expect(await process.send(rest("GET", "/v1/nothing"))).toMatchObject({ statusCode: 404 });
});
