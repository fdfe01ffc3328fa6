/** Compares the AWS SDK in bundles with the installed one: both must treat each answer of AWS the same. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import * as dynamo from "@aws-sdk/client-dynamodb";
import * as sqs from "@aws-sdk/client-sqs";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { forLambda } from "./strip-aws-sdk.ts";

const sources = { dynamo, sqs };
type Sources = typeof sources;

let folder: string;
let bundled: Sources;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "sirocco-sdk-"));
  const outfile = path.join(folder, "sdk.mjs");
  const contents = `
    import { ConditionalCheckFailedException, DynamoDBClient, PutItemCommand, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
    import { QueueDoesNotExist, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
    export const dynamo = { ConditionalCheckFailedException, DynamoDBClient, PutItemCommand, TransactionCanceledException };
    export const sqs = { QueueDoesNotExist, SendMessageCommand, SQSClient };`;
  await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    format: "esm",
    platform: "node",
    mainFields: ["module", "main"],
    plugins: [...forLambda],
    outfile,
    logLevel: "warning",
  });
  bundled = (await import(outfile)) as Sources;
});
afterAll(() => rm(folder, { recursive: true }));

const QUEUE = "https://sqs.eu-west-1.amazonaws.com/1/q";

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly fields?: object;
  readonly queryError?: string;
}

/** Configuration of a client whose every request gets this answer. */
const answering = ({ status, type, fields, queryError }: Answer) => ({
  region: "eu-west-1",
  credentials: { accessKeyId: "a", secretAccessKey: "b" },
  maxAttempts: 2,
  requestHandler: {
    handle: async () => ({
      response: {
        statusCode: status,
        headers: {
          "content-type": "application/x-amz-json-1.0",
          ...(queryError && { "x-amzn-query-error": queryError }),
        },
        body: Readable.from([JSON.stringify({ __type: type, message: `it is ${type}`, ...fields })]),
      },
    }),
  },
});

async function failureOf(of: Sources, service: keyof Sources, answer: Answer) {
  const config = answering(answer) as unknown as dynamo.DynamoDBClientConfig & sqs.SQSClientConfig;
  const failure = await (service === "dynamo"
    ? new of.dynamo.DynamoDBClient(config).send(
        new of.dynamo.PutItemCommand({ TableName: "t", Item: { pk: { S: "a" } } }),
      )
    : new of.sqs.SQSClient(config).send(new of.sqs.SendMessageCommand({ QueueUrl: QUEUE, MessageBody: "x" }))
  ).catch((error: unknown) => error as dynamo.DynamoDBServiceException);
  if (!(failure instanceof Error)) throw new Error(`the client did not fail on ${answer.type}`);
  return failure;
}

const facts = ({ name, message, $fault, $metadata }: dynamo.DynamoDBServiceException) => ({
  name,
  message,
  $fault,
  status: $metadata.httpStatusCode,
  attempts: $metadata.attempts,
});

/** Every error that a service declares, and errors that any service may answer. */
function errorsOf(service: keyof Sources): string[] {
  const base = service === "dynamo" ? dynamo.DynamoDBServiceException : sqs.SQSServiceException;
  const own = Object.entries(sources[service]).filter(
    ([, value]) => typeof value === "function" && value.prototype instanceof base,
  );
  const common = [
    "ThrottlingException",
    "ValidationException",
    "ExpiredTokenException",
    "RequestTimeout",
    "NobodyKnows",
  ];
  return [...new Set([...own.map(([name]) => name), ...common])];
}

test.each([
  ["dynamo", "com.amazonaws.dynamodb.v20120810", 30],
  ["sqs", "com.amazonaws.sqs", 25],
] as const)("every error of %s keeps its name, message and retries without its class", async (service, namespace, most) => {
  const types = errorsOf(service);
  expect(types.length).toBeGreaterThan(most);
  const attempts = new Set<unknown>();
  await Promise.all(
    types.map(async (name) => {
      const answer = { status: name.startsWith("Internal") ? 500 : 400, type: `${namespace}#${name}` };
      const expected = facts(await failureOf(sources, service, answer));
      attempts.add(expected.attempts);
      expect(facts(await failureOf(bundled, service, answer)), name).toEqual(expected);
    }),
  );
  expect(attempts).toEqual(new Set([1, 2]));
});

test("errors that the code distinguishes keep their classes, and their fields are decoded", async () => {
  const refused = await failureOf(bundled, "dynamo", {
    status: 400,
    type: "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
    fields: { Item: { pk: { S: "a" }, packed: { B: "aGk=" } } },
  });
  expect(refused).toBeInstanceOf(bundled.dynamo.ConditionalCheckFailedException);
  expect(refused).toMatchObject({ Item: { pk: { S: "a" }, packed: { B: new Uint8Array(Buffer.from("hi")) } } });

  const cancelled = await failureOf(bundled, "dynamo", {
    status: 400,
    type: "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    fields: { CancellationReasons: [{ Code: "ConditionalCheckFailed", Item: { packed: { B: "aGk=" } } }] },
  });
  expect(cancelled).toBeInstanceOf(bundled.dynamo.TransactionCanceledException);
  expect(cancelled).toMatchObject({
    CancellationReasons: [{ Item: { packed: { B: new Uint8Array(Buffer.from("hi")) } } }],
  });
});

test("the error of a missing queue keeps its class, although SQS also sends its name in the older protocol", async () => {
  const missing = await failureOf(bundled, "sqs", {
    status: 400,
    type: "com.amazonaws.sqs#QueueDoesNotExist",
    queryError: "AWS.SimpleQueueService.NonExistentQueue;Sender",
  });
  expect(missing).toBeInstanceOf(bundled.sqs.QueueDoesNotExist);
  const throttled = await failureOf(bundled, "sqs", {
    status: 403,
    type: "com.amazonaws.sqs#RequestThrottled",
    queryError: "RequestThrottled;Sender",
  });
  expect(facts(throttled)).toMatchObject({ name: "RequestThrottled", attempts: 2 });
});
