/** A service that accepts a connection and never answers, as behind a firewall that drops packets: each call ends. */
import { createServer, type Server } from "node:net";
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { sourceAt } from "../../test/support/sqs-source.ts";

import { awsClients, type Clients } from "./clients.ts";
import { REST_SECONDS } from "./names.ts";

let server: Server;
let clients: Clients;
let endpoint: string;
const credentials = { accessKeyId: "test", secretAccessKey: "test" };

beforeAll(async () => {
  server = createServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((ok) => server.listen(0, "127.0.0.1", ok));
  endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(() => void server.close());
beforeEach(() => {
  clients = awsClients({ endpoint, region: "eu-west-1", credentials });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(async () => {
  vi.useRealTimers();
  await clients.destroy();
});

/** Seconds of virtual time until the call has ended. */
async function secondsUntilEnd(call: Promise<unknown>, most = 120): Promise<number> {
  let ended = false;
  const end = () => {
    ended = true;
  };
  call.then(end, end);
  for (let tenths = 0; tenths < 10 * most; tenths++) {
    for (let turns = 0; turns < 3; turns++) await new Promise((ok) => setImmediate(ok));
    if (ended) return tenths / 10;
    await vi.advanceTimersByTimeAsync(100);
  }
  return Number.POSITIVE_INFINITY;
}

const KEY = { pk: { S: "a" }, sk: { S: "b" } };
const OBJECT = { Bucket: "b", Key: "k" };
const calls: Record<string, () => Promise<unknown>> = {
  DynamoDB: () => clients.dynamo.send(new GetItemCommand({ TableName: "t", Key: KEY })),
  "SQS that sends": () => clients.sqs.send(new SendMessageCommand({ QueueUrl: `${endpoint}/q`, MessageBody: "m" })),
  "S3 that reads": async () => (await clients.s3()).get(OBJECT),
  "S3 that writes": async () => (await clients.s3()).put(OBJECT, Buffer.alloc(100)),
  STS: async () =>
    (await clients.sts()).assume({
      RoleArn: "arn:aws:iam::1:role/r",
      RoleSessionName: "s",
      Policy: "{}",
      DurationSeconds: 900,
    }),
  "EventBridge Scheduler": async () => (await clients.scheduler()).remove({ GroupName: "g", Name: "n" }),
};

test.each(Object.keys(calls))("a call of %s ends before the function that waits for it", async (name) => {
  await clients.s3();
  await clients.sts();
  await clients.scheduler();
  const seconds = await secondsUntilEnd(calls[name]!());
  expect(seconds).toBeGreaterThan(2); // it is the timeout that ends it
  expect(seconds).toBeLessThan(REST_SECONDS);
});

test("a long poll of SQS by a handler ends soon after its wait", async () => {
  const poll = new ReceiveMessageCommand({ QueueUrl: `${endpoint}/q`, WaitTimeSeconds: 20 });
  const seconds = await secondsUntilEnd(clients.sqs.send(poll, { requestTimeout: 24_000 }), 300);
  expect(seconds).toBeGreaterThan(20);
  expect(seconds).toBeLessThan(200);
});

test("a worker's polls, extensions and deletions end", async () => {
  const queue = `${endpoint}/q`;
  const source = await sourceAt(endpoint, { workflow: queue, activity: queue });
  const receipt = "workflow/shop/handle";
  expect(await secondsUntilEnd(source.receive("workflow", 1, new AbortController().signal), 60)).toBeLessThan(60);
  expect(await secondsUntilEnd(source.extend([receipt], 30_000))).toBeLessThan(30);
  expect(await secondsUntilEnd(source.finish([receipt]))).toBeLessThan(60);
  source.close();
});
