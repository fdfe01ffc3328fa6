/** How a worker polls SQS, against a server that speaks SQS's protocol and answers a poll when the test says so. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { sourceAt } from "../../test/support/sqs-source.ts";
import { Leases } from "./leases.ts";
import { KILLED, type TaskSource } from "./source.ts";

interface Call {
  readonly operation: string;
  readonly input: { VisibilityTimeout?: number; Entries?: { VisibilityTimeout: number; ReceiptHandle: string }[] };
}
const calls: Call[] = [];
let polls: ServerResponse[] = [];
let cut = 0;
let polled = Promise.withResolvers<void>();
let source: TaskSource;

const server = createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  const operation = String(request.headers["x-amz-target"]).replace("AmazonSQS.", "");
  calls.push({ operation, input: JSON.parse(body) as Call["input"] });
  if (operation !== "ReceiveMessage") return void response.end(JSON.stringify({ Successful: [], Failed: [] }));
  response.on("close", () => {
    if (!response.writableEnded) cut += 1;
  });
  polls.push(response);
  polled.resolve();
});
const answerPoll = (handles: string[]) => {
  const task = { kind: "workflow", workspace: "w", execution: "x" };
  const Body = JSON.stringify(task);
  const MD5OfBody = createHash("md5").update(Body).digest("hex");
  const Messages = handles.map((ReceiptHandle) => ({ ReceiptHandle, MessageId: "m", Body, MD5OfBody }));
  for (const poll of polls) poll.end(JSON.stringify({ Messages }));
};
const of = (operation: string) => calls.filter((call) => call.operation === operation).map(({ input }) => input);

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => {
  source.close();
  server.close();
  server.closeAllConnections();
});
beforeEach(async () => {
  source?.close();
  calls.length = 0;
  polls = [];
  cut = 0;
  polled = Promise.withResolvers();
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  source = await sourceAt(endpoint, { workflow: `${endpoint}/1/workflow`, activity: `${endpoint}/1/activity` });
});

test("a worker that stops does not abort its poll, and hands back what it brings", async () => {
  const stopping = new AbortController();
  const receiving = source.receive("workflow", 10, stopping.signal);
  await polled.promise;
  stopping.abort();
  answerPoll(["one", "two"]);
  expect(await receiving).toEqual([]);
  expect(cut).toBe(0);
  expect(of("ChangeMessageVisibilityBatch")).toEqual([
    expect.objectContaining({
      Entries: [
        { Id: "0", ReceiptHandle: "one", VisibilityTimeout: 0 },
        { Id: "1", ReceiptHandle: "two", VisibilityTimeout: 0 },
      ],
    }),
  ]);
});

test("a worker that is killed reads its poll no more", async () => {
  const killed = new AbortController();
  const receiving = source.receive("workflow", 10, killed.signal);
  await polled.promise;
  killed.abort(KILLED);
  await expect(receiving).rejects.toThrow(/abort/i);
  expect(of("ChangeMessageVisibilityBatch")).toEqual([]);
});

test("a task comes with a lease of seconds, so that one which nobody reads comes again soon", async () => {
  const receiving = source.receive("workflow", 10, new AbortController().signal);
  await polled.promise;
  answerPoll(["one"]);
  expect(await receiving).toHaveLength(1);
  const [poll] = of("ReceiveMessage") as { VisibilityTimeout: number; WaitTimeSeconds: number }[];
  expect(poll!.VisibilityTimeout).toBeLessThanOrEqual(6);
  expect(poll!.WaitTimeSeconds).toBeLessThanOrEqual(5);
  expect(of("ChangeMessageVisibilityBatch")).toEqual([]);
});

test("the lease of an activity is whole before its code gets it", async () => {
  const receiving = source.receive("activity", 10, new AbortController().signal);
  await polled.promise;
  answerPoll(["one"]);
  expect(await receiving).toHaveLength(1);
  const [extended] = of("ChangeMessageVisibilityBatch");
  expect(extended!.Entries!.map((entry) => entry.VisibilityTimeout)).toEqual([30]);
});

test("a task that the worker still has after a moment gets a whole lease, once, and then every third of it", async () => {
  const clock = new ManualClock();
  const extended: { at: number; receipts: readonly string[] }[] = [];
  let fails = 1;
  const began = clock.now();
  const slow: TaskSource = {
    firstExtensionMs: 1_500,
    receive: async () => [],
    finish: async () => {},
    close: () => {},
    async extend(receipts) {
      if (fails-- > 0) throw new Error("SQS does not answer");
      extended.push({ at: clock.now() - began, receipts });
      return [];
    },
  };
  const leases = new Leases(slow, clock, 30_000);
  leases.hold("long");
  leases.hold("short");
  await clock.advance(1_000);
  leases.finish("short");
  await clock.advance(11_000);
  expect(extended).toEqual([
    { at: 3_000, receipts: ["long"] }, // the first call failed
    { at: 10_000, receipts: ["long"] },
  ]);
  leases.drop();
});
