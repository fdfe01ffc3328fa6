/**
 * AWS refuses a signature that is more than some minutes off its own time. A machine whose clock is wrong by an hour, a worker's
 * too, signs in the service's time from the first refusal on.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sourceAt } from "../../test/support/sqs-source.ts";
import { awsClients } from "./clients.ts";

const HOUR = 3_600_000;
const FIVE_MINUTES = 300_000;
let service: Server;
let endpoint: string;
/** The service's time minus that of this machine. */
let ahead = 0;
let refused = 0;

beforeAll(async () => {
  service = createServer((request, response) => {
    request.resume().once("end", () => {
      const now = Date.now() + ahead;
      const signed = String(request.headers["x-amz-date"]).replace(
        /^(....)(..)(..)T(..)(..)(..)Z$/,
        "$1-$2-$3T$4:$5:$6Z",
      );
      response.setHeader("date", new Date(now).toUTCString());
      response.setHeader("content-type", "application/x-amz-json-1.0");
      if (Math.abs(Date.parse(signed) - now) < FIVE_MINUTES) return void response.end("{}");
      refused += 1;
      // In the words of DynamoDB and SQS.
      response.writeHead(400, { "x-amzn-errortype": "InvalidSignatureException" });
      response.end(
        JSON.stringify({ __type: "InvalidSignatureException", message: `Signature expired: ${signed} is now earlier` }),
      );
    });
  });
  await new Promise<void>((ok) => service.listen(0, "127.0.0.1", ok));
  endpoint = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
});
afterAll(() => void service.close());

test.each([-HOUR, HOUR])("calls of a function succeed with a clock that is wrong by %d ms", async (wrong) => {
  ahead = -wrong;
  refused = 0;
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const clients = awsClients({ endpoint, region: "eu-west-1", credentials });
  const Key = { pk: { S: "a" }, sk: { S: "b" } };
  for (let i = 0; i < 3; i++) await clients.dynamo.send(new GetItemCommand({ TableName: "t", Key }));
  expect(refused).toBe(1);
  await clients.sqs.send(new SendMessageCommand({ QueueUrl: `${endpoint}/q`, MessageBody: "m" })).catch((error) => {
    expect(error.message).not.toMatch(/Signature/);
  });
  await clients.destroy();
});

test.each([-HOUR, HOUR])("a worker with a clock that is wrong by %d ms receives and finishes tasks", async (wrong) => {
  ahead = -wrong;
  refused = 0;
  const queue = `${endpoint}/q`;
  const source = await sourceAt(endpoint, { workflow: queue, activity: queue });
  expect(await source.receive("workflow", 1, new AbortController().signal)).toEqual([]);
  expect(await source.extend(["workflow/shop/handle"], 30_000)).toEqual([]);
  expect(refused).toBe(1);
  source.close();
});
