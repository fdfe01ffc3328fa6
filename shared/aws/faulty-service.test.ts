/** A service that loses requests, loses answers, is slow or throttles, between the clients and their services. */
import { hash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Fault, type FaultyProxy, faultyProxy } from "../../test/support/faulty-proxy.ts";
import { awsClients, type Clients } from "./clients.ts";

let service: Server;
let served: string[];
let proxy: FaultyProxy;
let clients: Clients;

/** Also a fitting answer of the other services: they ignore what they do not know. */
const SENT = JSON.stringify({ MessageId: "1", MD5OfMessageBody: hash("md5", "m") });
const ASSUMED =
  "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey>" +
  "<SessionToken>T</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

beforeAll(async () => {
  service = createServer((request, response) => {
    const operation = String(request.headers["x-amz-target"] ?? `${request.method} ${request.url}`);
    request.resume().once("end", () => {
      served.push(operation);
      const isSts = request.method === "POST" && request.url === "/" && !request.headers["x-amz-target"];
      const isObject = request.url?.startsWith("/b/");
      const [type, body] = isSts
        ? ["text/xml", ASSUMED]
        : isObject
          ? ["text/plain", "content"]
          : ["application/json", SENT];
      response.writeHead(200, { "content-type": type }).end(body);
    });
  });
  await new Promise<void>((ok) => service.listen(0, "127.0.0.1", ok));
});
afterAll(() => void service.close());
beforeEach(async () => {
  served = [];
  proxy = await faultyProxy(`http://127.0.0.1:${(service.address() as AddressInfo).port}`);
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  clients = awsClients({ endpoint: proxy.url, region: "eu-west-1", credentials });
});
afterEach(async () => {
  await clients.destroy();
  await proxy.close();
});

const KEY = { pk: { S: "a" }, sk: { S: "b" } };
const OBJECT = { Bucket: "b", Key: "k" };
const ROLE = { RoleArn: "arn:aws:iam::1:role/r", RoleSessionName: "s", Policy: "{}", DurationSeconds: 900 };
const calls: Record<string, () => Promise<unknown>> = {
  DynamoDB: () => clients.dynamo.send(new GetItemCommand({ TableName: "t", Key: KEY })),
  SQS: () => clients.sqs.send(new SendMessageCommand({ QueueUrl: `${proxy.url}/q`, MessageBody: "m" })),
  "S3 that reads": async () => (await clients.s3()).get(OBJECT),
  "S3 that writes": async () => (await clients.s3()).put(OBJECT, Buffer.alloc(100)),
  STS: async () => (await clients.sts()).assume(ROLE),
  "EventBridge Scheduler": async () => (await clients.scheduler()).remove({ GroupName: "g", Name: "n" }),
};
const throttled: Fault = {
  answer: {
    status: 400,
    headers: { "content-type": "application/x-amz-json-1.0", "x-amzn-errortype": "ThrottlingException" },
    body: JSON.stringify({ __type: "ThrottlingException", message: "Rate exceeded" }),
  },
};
const failing: Fault = { answer: { status: 503, body: "" } };

test.each(
  Object.keys(calls),
)("a call of %s is repeated after a lost request, a lost answer and a failure", async (name) => {
  for (const fault of ["drop", "lose", failing] as const) {
    const [before, done] = [proxy.seen, served.length];
    proxy.next(fault);
    await calls[name]!();
    expect(proxy.seen - before, JSON.stringify(fault)).toBeGreaterThanOrEqual(2);
    expect(served.length - done, JSON.stringify(fault)).toBeGreaterThanOrEqual(fault === "lose" ? 2 : 1);
  }
});

test.each(["DynamoDB", "SQS"])("a call of %s waits for its turn when it is throttled again and again", async (name) => {
  proxy.next(throttled, throttled, throttled, throttled);
  await calls[name]!();
  expect(proxy.seen).toBeGreaterThanOrEqual(5);
});

test.each(Object.keys(calls))("a slow answer of %s is waited for", async (name) => {
  proxy.next({ delay: 300 });
  await calls[name]!();
  expect(served.length).toBeGreaterThanOrEqual(1);
});

test("a call that gets no answer once is made again after the timeout of a try", async () => {
  proxy.next("hang");
  await calls.DynamoDB!();
  expect(proxy.seen).toBeGreaterThanOrEqual(2);
}, 30_000);
