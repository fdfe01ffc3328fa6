/**
 * Real workers on the AWS adapter: registration creates the queues and answers credentials for them, tasks come from SQS.
 * The emulator enforces role and session policies, so it refuses a worker's calls without a right.
 */
import { randomBytes } from "node:crypto";
import { ListQueuesCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { type RunningServer, startServer } from "../../cli/server/index.ts";
import { encodingFetch, s3Store } from "../../sdk/encoding/index.ts";
import {
  type AnyWorkflow,
  activity,
  on,
  parallel,
  type RunningWorker,
  signal,
  sleep,
  startWorker,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import type { Aws, SqsTasks } from "../../shared/server/aws.ts";
import { eventually } from "../emulator/support.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";
import { inject } from "./faults.ts";
import { taskQueues } from "./task-queues.ts";

const text = (n: number) => randomBytes(n).toString("base64").slice(0, n);
const payload = z.object({ n: z.number(), text: z.string().default("") });

const echo = activity({ name: "echo", input: payload, output: payload }, async (input) => input);
const flaky = activity(
  {
    name: "flaky",
    input: z.object({}),
    output: z.object({ attempt: z.number() }),
    retry: { maxAttempts: 5, first: 50 },
  },
  async (_, ctx) => {
    if (ctx.attempt < 3) throw new Error("not yet");
    return { attempt: ctx.attempt };
  },
);
/** A worker without this activity passes its task on, which is no attempt. */
const slow = activity(
  { name: "slow", input: payload, output: payload, retry: { maxAttempts: 1 } },
  async (input) => input,
);
const go = signal("go", z.object({}));
const walk = workflow({ name: "walk", input: payload, handlers: [go] }, async ({ n, text }) => {
  let gone = false;
  on(go, () => {
    gone = true;
  });
  const echoed = await echo({ n, text });
  const { attempt } = await flaky({});
  await sleep(500);
  const signalled = await waitUntil(() => gone, "30s");
  return { characters: echoed.text.length, attempt, signalled };
});
const spread = workflow({ name: "spread", input: payload }, async ({ n, text }) => {
  const inputs = Array.from({ length: n }, (_, i) => ({ n: i, text }));
  const done = await parallel(inputs, (input) => slow(input));
  return { sum: done.reduce((sum, each) => sum + each.n, 0), characters: done.at(-1)!.text.length };
});

const hidden = workflow({ name: "hidden", input: payload }, async ({ n, text }) => {
  const done = await parallel(
    Array.from({ length: n }, (_, i) => ({ n: i, text })),
    (input) => slow(input),
  );
  return { sum: done.reduce((sum, each) => sum + each.n, 0), text: done.at(-1)!.text };
});

let made: Installation;
let ports: Aws;
let server: RunningServer;
let key: string;
let lifetimeMs = 3_600_000;
const registered: string[] = [];
const workers: RunningWorker[] = [];

const worker = async (deployment: string, workflows: readonly AnyWorkflow[], activities = [echo, flaky, slow]) => {
  const running = await startWorker({
    url: server.url,
    apiKey: key,
    deployment,
    name: `w${workers.length}`,
    workflows: [...workflows],
    activities,
    shutdownGrace: "1s",
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: console.error } as never,
  });
  workers.push(running);
  return running;
};
const call = async (path: string, body?: unknown) => {
  const answer = await fetch(`${server.url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const content = await answer.text();
  if (answer.status >= 400) throw new Error(`${path}: ${answer.status} ${content}`);
  return (content === "" ? {} : JSON.parse(content)) as Record<string, unknown>;
};
const start = async (name: string, input: unknown) =>
  String((await call(`/v1/workflows/${name}/execute`, { input })).execution_id);
const ended = (id: string) =>
  eventually(
    `the end of ${id}`,
    async () => {
      const found = await call(`/v1/workflows/executions/${id}`);
      return found.status === "RUNNING" ? undefined : found;
    },
    40_000,
  );

describeUnless(cannotRun)("workers on AWS", () => {
  beforeAll(async () => {
    made = await install();
    const { queues, role } = await taskQueues(made);
    ports = made.adapter({ settings: { leaseMs: 10_000 }, queues });
    server = await startServer({
      ports,
      version: "0.0.0",
      port: 0,
      tasks: async ({ workspace }, deployment) => {
        registered.push(deployment);
        const tasks = await ports.tasksFor(role, { workspace, deployment });
        return { ...tasks, credentials: { ...tasks.credentials, expires_at: Date.now() + lifetimeMs } };
      },
    });
    ({ key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "test" }));
  });
  afterAll(async () => {
    await Promise.all(workers.map((w) => w.stop()));
    await server?.close(1_000);
    await made?.end();
  });

  test("encode payloads, take encoded tasks from SQS, and offload to S3", async () => {
    const { endpoint, region, credentials } = made.account;
    const store = s3Store({ bucket: made.bucket, prefix: "payloads", region, endpoint, client: { credentials } });
    const encryption = { mode: "full", key: randomBytes(32).toString("hex") } as const;
    const encoding = { encryption, offload: { store, minBytes: 10_000, encrypted: true } };
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: console.error };
    const running = await startWorker({
      ...{ url: server.url, apiKey: key, deployment: "hidden", name: "hidden", log, encoding, shutdownGrace: "1s" },
      workflows: [hidden],
      activities: [slow],
      maxConcurrentActivities: 1, // the other activities go through the queue
    });
    workers.push(running);
    const send = encodingFetch(encoding);
    const ask = async (path: string, body?: unknown) => {
      const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
      const request = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
      return (await (await send(`${server.url}/v1/workflows${path}`, request)).json()) as Record<string, unknown>;
    };
    const input = { n: 4, text: text(20_000) };
    const { execution_id } = await ask("/hidden/execute", { input });
    expect(await ended(String(execution_id))).toMatchObject({
      status: "COMPLETED",
      result: { encoding_options: ["encrypted", "offloaded", "encrypted"] },
    });
    expect((await ask(`/executions/${execution_id}`)).result).toEqual({ sum: 6, text: input.text });
    const head = await ports.executions.head({ workspace: DEFAULT_WORKSPACE, execution: String(execution_id) });
    const events = (await ports.executions.batches(head!, head!.run, 1)).flatMap((b) => b.events);
    expect(JSON.stringify([head, events])).not.toContain(input.text.slice(0, 100));
    expect(events.some((e) => e.kind === "activity_scheduled" && e.where === "queue")).toBe(true);
  }, 60_000);

  test("complete an execution with a retry, a timer and a signal, although every task is delivered twice", async () => {
    const stack = ports.clients.sqs.middlewareStack;
    stack.add(
      (next, context) => async (args) => {
        if (context.commandName === "SendMessageCommand") await next(args);
        return next(args);
      },
      { step: "build", name: "twice" },
    );
    await worker("one", [walk]);
    const id = await start("walk", { n: 1, text: "x" });
    await call(`/v1/workflows/executions/${id}/signals`, { name: "go", input: {} });
    expect(await ended(id)).toMatchObject({
      status: "COMPLETED",
      result: { characters: 1, attempt: 3, signalled: true },
    });
    const head = await ports.executions.head({ workspace: DEFAULT_WORKSPACE, execution: id });
    const events = (await ports.executions.batches(head!, head!.run, 1)).flatMap((b) => b.events);
    expect(events.filter((e) => e.kind === "activity_completed")).toHaveLength(2);
    expect(events.filter((e) => e.kind === "signal_received")).toHaveLength(1);
    expect(events.map((e) => e.id)).toEqual(events.map((_, i) => i + 2));
    stack.remove("twice");
  }, 60_000);

  test("pass activities that they do not have through the queue to a worker that has them, even with an input that exceeds a message", async () => {
    await worker("spread", [spread], [echo]); // it receives the tasks of the queue as well, and passes them on
    const id = await start("spread", { n: 2, text: text(1_400_000) });
    const ref = { workspace: DEFAULT_WORKSPACE, execution: id };
    const events = async () => {
      const head = await ports.executions.head(ref);
      return (await ports.executions.batches(ref, head!.run, 1)).flatMap((b) => b.events);
    };
    await eventually("the activities in the queue", async () => {
      const scheduled = (await events()).filter((e) => e.kind === "activity_scheduled");
      return scheduled.length === 2 && scheduled.every((e) => e.where === "queue") ? true : undefined;
    });
    await worker("spread", [spread], [slow]);
    expect(await ended(id)).toMatchObject({ status: "COMPLETED", result: { sum: 1, characters: 1_400_000 } });
    expect((await events()).filter((e) => e.kind === "activity_completed")).toHaveLength(2);
  }, 60_000);

  test("renew their credentials before these expire, and continue", async () => {
    lifetimeMs = 1_000; // the SDK treats credentials with less than five minutes left as expired
    await worker("short", [workflow({ name: "brief", input: payload }, async (input) => echo(input))]);
    lifetimeMs = 3_600_000;
    const id = await start("brief", { n: 5 });
    expect(await ended(id)).toMatchObject({ status: "COMPLETED", result: { n: 5 } });
    expect(registered.filter((d) => d === "short").length).toBeGreaterThanOrEqual(2);
  }, 60_000);

  test("start although STS is throttled and its answers are lost for longer than the retries of one call", async () => {
    let attempts = 0;
    const { client } = await ports.clients.sts();
    const faults = inject(client, () => {
      attempts += 1;
      return attempts > 9 ? undefined : attempts % 3 === 0 ? "answer lost" : "throttled";
    });
    await worker("patient", [workflow({ name: "late", input: payload }, async (input) => echo(input))]);
    expect(await ended(await start("late", { n: 1 }))).toMatchObject({ status: "COMPLETED" });
    expect(faults).toEqual({ throttled: 6, lost: 3 });
  }, 90_000);

  test("get credentials for the two queues of their own deployment and for nothing else", async () => {
    const { endpoint, region } = made.account;
    const register = async (deployment: string) => {
      const body = {
        deployment,
        worker: "w",
        session: ports.uuid(),
        definitions: [{ name: `${deployment}-flow`, input_schema: { type: "object" } }],
        activities: [],
        sdk: "test",
      };
      return (await call("/v1/worker/register", body)).tasks as SqsTasks;
    };
    const [mine, theirs] = [await register("mine"), await register("theirs")];
    const { access_key_id, secret_access_key, session_token } = mine.credentials;
    const credentials = {
      accessKeyId: access_key_id,
      secretAccessKey: secret_access_key,
      sessionToken: session_token,
    };
    const client = new SQSClient({ endpoint, region, credentials, maxAttempts: 1 });
    const receive = (QueueUrl: string) => client.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 0 }));
    await expect(receive(mine.workflow_queue)).resolves.toBeDefined();
    await expect(receive(mine.activity_queue)).resolves.toBeDefined();
    await expect(receive(theirs.workflow_queue)).rejects.toThrow(/not authorized|AccessDenied/i);
    await expect(receive(theirs.activity_queue)).rejects.toThrow(/not authorized|AccessDenied/i);
    const send = new SendMessageCommand({ QueueUrl: mine.workflow_queue, MessageBody: "{}" });
    await expect(client.send(send)).rejects.toThrow(/not authorized|AccessDenied/i);
    client.destroy();
  });

  test("create the queues of their deployment again after an operator deleted them", async () => {
    const [first] = [await worker("gone", [workflow({ name: "here", input: payload }, async (input) => echo(input))])];
    await first!.stop();
    const names = await ports.deleteDeploymentQueues(DEFAULT_WORKSPACE, "gone");
    expect(names).toHaveLength(2);
    expect(await ports.deleteDeploymentQueues(DEFAULT_WORKSPACE, "gone")).toEqual([]);
    // A task for a deployment without queues is dropped, and its execution stays due.
    const queue = { workspace: DEFAULT_WORKSPACE, deployment: "gone", queue: "workflow" } as const;
    await ports.tasks.send(queue, { kind: "workflow", execution: "x" });
    await worker("gone", [workflow({ name: "here", input: payload }, async (input) => echo(input))]);
    expect(await ended(await start("here", { n: 7 }))).toMatchObject({ status: "COMPLETED", result: { n: 7 } });
  }, 60_000);

  test("create queues again that were deleted while they ran, and continue", async () => {
    const mended = workflow({ name: "mended", input: payload }, async ({ n }) => ({ n: (await echo({ n })).n }));
    const running = await worker("swept", [mended]);
    expect(await ended(await start("mended", { n: 1 }))).toMatchObject({ status: "COMPLETED" });
    await ports.deleteDeploymentQueues(DEFAULT_WORKSPACE, "swept");
    const { sqs } = ports.clients;
    const again = async () => {
      const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: made.prefix }));
      return QueueUrls.filter((url) => url.includes("swept")).length === 2 || undefined;
    };
    await eventually("the queues", again, 30_000);
    expect(await ended(await start("mended", { n: 2 }))).toMatchObject({ status: "COMPLETED" });
    await running.stop();
  }, 90_000);
});
