/**
 * The stack itself, deployed with the small handlers of localstack/test-handlers: requests, messages, records and rules
 * reach the right function, and a role allows no other call.
 */
import { randomUUID } from "node:crypto";
import { CloudFormationClient, UpdateTerminationProtectionCommand } from "@aws-sdk/client-cloudformation";
import {
  type AttributeValue,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { ListQueuesCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { destroy, findDeletableStack } from "../../infra/operate/destroy.ts";
import { type Deployment, deploy, environmentOf } from "../../localstack/deploy.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { GATEWAY_REFUSALS } from "../support/gateway-refusals.ts";
import { assemblyOf, DEPLOYED_WITHIN_MS } from "./shared-stack.ts";
import { blankAccount, cannotRun, eventually, type TestAccount } from "./support.ts";

let account: TestAccount;
let stack: Deployment;
let dynamo: DynamoDBClient;
let sqs: SQSClient;

const read = async (table: string, pk: string, sk: string) => {
  const TableName = stack.outputs[table];
  return (
    await dynamo.send(new GetItemCommand({ TableName, Key: { pk: { S: pk }, sk: { S: sk } }, ConsistentRead: true }))
  ).Item;
};
const write = (table: string, pk: string, sk: string, more: Record<string, AttributeValue> = {}) =>
  dynamo.send(new PutItemCommand({ TableName: stack.outputs[table], Item: { pk: { S: pk }, sk: { S: sk }, ...more } }));
const ask = async (path: string, init?: RequestInit) => {
  const answer = await fetch(`${stack.apiUrl}${path}`, init);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

interface Registered {
  readonly path: string;
  readonly queueUrl: string;
  readonly queueOutsideThePrefix: string;
  readonly credentials: { AccessKeyId: string; SecretAccessKey: string; SessionToken: string };
}
const register = async (deployment: string): Promise<Registered> => {
  const body = JSON.stringify({ deployment });
  const answer = await fetch(`${stack.workerUrl}/v1/worker/register`, { method: "POST", body });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Registered;
};
/** A client of SQS with the credentials of a registration. */
const asWorker = ({ credentials: { AccessKeyId, SecretAccessKey, SessionToken } }: Registered) =>
  new SQSClient({
    endpoint: account.endpoint,
    region: account.region,
    credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
  });

describeUnless(cannotRun)("the deployed stack", () => {
  beforeAll(async () => {
    const made = assemblyOf({ handlers: "localstack/test-handlers" });
    account = await blankAccount();
    const { endpoint, region, credentials } = account;
    stack = await deploy({ endpoint, assembly: await made });
    dynamo = new DynamoDBClient({ endpoint, region, credentials });
    sqs = new SQSClient({ endpoint, region, credentials });
  }, DEPLOYED_WITHIN_MS);

  afterAll(async () => {
    dynamo?.destroy();
    sqs?.destroy();
    await account?.stop();
  });

  it("gives programs outside Lambda the environment variables of its handlers", async () => {
    const { body } = await ask("/v1/workflows/deployments");
    expect(environmentOf(stack)).toMatchObject(body.environment as object);
  });

  describe("the endpoint for clients", () => {
    it("routes a request to the function of its area, through a streaming integration", async () => {
      const { status, body } = await ask("/v1/workflows/invoice/execute", { method: "POST", body: '{"input":{}}' });
      expect(status).toBe(200);
      expect(body).toEqual({
        function: "executions",
        method: "POST",
        path: "/v1/workflows/invoice/execute",
        body: '{"input":{}}',
      });
    });

    it("serves two routes that name a path parameter differently", async () => {
      expect((await ask("/v1/workflows/invoice")).body).toMatchObject({ function: "registration" });
      expect((await ask("/v1/workflows/invoice/metrics")).body).toMatchObject({ function: "executions" });
    });

    it("gives an unknown path to a function", async () => {
      for (const path of ["/v1/nowhere", "/v1/worker/register", "/v1/workflows/invoice/nothing/here"])
        expect((await ask(path, { method: "POST" })).body, path).toMatchObject({ function: "registration", path });
    });

    it("answers what has no body by a function that buffers, HEAD of a streaming route among them", async () => {
      const cancel = `/v1/workflows/executions/${randomUUID()}/cancel`;
      expect((await ask(cancel, { method: "POST" })).body).toEqual({ function: "commands", path: cancel });
      const head = await fetch(`${stack.apiUrl}/v1/workflows/runs`, { method: "HEAD" });
      expect({ status: head.status, body: await head.text() }).toEqual({ status: 200, body: "" });
    });

    it("refuses by itself in the form and the words of the API", async () => {
      for (const [type, { status, body }] of Object.entries(GATEWAY_REFUSALS)) {
        const answer =
          type === "REQUEST_TOO_LARGE"
            ? await ask("/v1/workflows/invoice/execute", { method: "POST", body: "x".repeat(10 * 1024 * 1024 + 1) })
            : await fetch(`${account.endpoint}/_emulator/refuse/${type}`, { method: "POST" }).then(() =>
                ask("/v1/workflows/deployments"),
              );
        expect(answer, type).toEqual({ status, body });
      }
      const large = await fetch(`${stack.apiUrl}/v1/workflows/deployments`, {
        headers: { "x-more": "x".repeat(10_240) },
      });
      expect(large.status).toBe(431);
      const nowhere = await fetch(stack.apiUrl.replace(/\/api$/, "/other"));
      expect([nowhere.status, await nowhere.text()]).toEqual([403, '{"message":"Forbidden"}']);
    });

    it("streams: the first frame arrives before the handler writes the second", async () => {
      const path = `/v1/workflows/executions/${randomUUID()}/stream`;
      const answer = await fetch(`${stack.apiUrl}${path}`, { headers: { accept: "text/event-stream" } });
      expect(answer.headers.get("content-type")).toBe("text/event-stream");
      const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
      expect((await reader.read()).value).toContain("data: first");
      await write("FeedTable", path, "release"); // the handler waits for this item
      let rest = "";
      for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
      expect(rest).toContain("data: second");
    });
  });

  describe("a handler's role", () => {
    it("allows the calls that the function needs and no others", async () => {
      const { body } = await ask("/v1/workflows/registrations");
      expect(body).toMatchObject({
        writeRegistry: "allowed",
        readExecutions: "allowed",
        queryRuns: "allowed",
        writeExecutions: "AccessDeniedException",
        scanRegistry: "AccessDeniedException",
      });
    });
  });

  describe("workers", () => {
    it("get credentials for their own deployment's queue and no other", async () => {
      const [mine, theirs] = await Promise.all([register("mine"), register("theirs")]);
      expect(mine.path).toBe("/v1/worker/register");
      await sqs.send(new SendMessageCommand({ QueueUrl: mine.queueUrl, MessageBody: "task" }));
      const worker = asWorker(mine);
      const { Messages } = await worker.send(new ReceiveMessageCommand({ QueueUrl: mine.queueUrl }));
      expect(Messages?.map(({ Body }) => Body)).toEqual(["task"]);
      const receiving = worker.send(new ReceiveMessageCommand({ QueueUrl: theirs.queueUrl }));
      await expect(receiving).rejects.toThrow(/AccessDenied|not authorized/);
      const sending = worker.send(new SendMessageCommand({ QueueUrl: mine.queueUrl, MessageBody: "forged" }));
      await expect(sending).rejects.toThrow(/AccessDenied|not authorized/);
    });

    it("cannot make the endpoint create a queue outside the stack's prefix", async () => {
      expect((await register("outsider")).queueOutsideThePrefix).toMatch(/AccessDenied/);
    });

    it("that never finish a task leave it to the handler of the dead-letter queue", async () => {
      const { queueUrl } = await register("dying");
      const task = randomUUID();
      await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: task }));
      // Received twice and never deleted; the queue allows one receive.
      const receive = () => sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, VisibilityTimeout: 0 }));
      await receive();
      await receive();
      expect(await eventually("the handler's item", () => read("ExecutionsTable", "dead", task))).toBeDefined();
    });
  });

  describe("events", () => {
    it("invoke the feed's consumer for new heads, batches and progress reports, and for no other change", async () => {
      const pk = `default#${randomUUID()}`;
      const fresh = { fresh: { BOOL: true } };
      const fed = async () => {
        const { Items = [] } = await dynamo.send(
          new QueryCommand({
            TableName: stack.outputs.FeedTable,
            KeyConditionExpression: "pk = :pk",
            ExpressionAttributeValues: { ":pk": { S: `fed ${pk}` } },
          }),
        );
        return Items.map(({ sk, note }) => `${note?.S} ${sk?.S}`);
      };
      await write("ExecutionsTable", pk, "HEAD", fresh);
      await write("ExecutionsTable", pk, "IN#chain#signal");
      await write("ExecutionsTable", pk, "LOG#run#00000002");
      await write("ExecutionsTable", pk, "PROGRESS#run#1");
      await eventually("the first records", () => read("FeedTable", `fed ${pk}`, "PROGRESS#run#1"));
      expect(await fed()).toEqual(["INSERT HEAD", "INSERT LOG#run#00000002", "INSERT PROGRESS#run#1"]);
      // A wake-up before the first claim; then a claim and a close, an expiry of the log, and the item of a past run.
      await write("ExecutionsTable", pk, "HEAD", { ...fresh, woken: { BOOL: true } });
      await eventually("the wake-up", async () => ((await fed())[0] === "MODIFY HEAD" ? true : undefined));
      await dynamo.send(
        new DeleteItemCommand({
          TableName: stack.outputs.FeedTable,
          Key: { pk: { S: `fed ${pk}` }, sk: { S: "HEAD" } },
        }),
      );
      await write("ExecutionsTable", pk, "HEAD");
      await write("ExecutionsTable", pk, "LOG#run#00000002", { ttl: { N: "2000000000" } });
      await write("ExecutionsTable", pk, "RUN#run");
      await write("ExecutionsTable", pk, "LOG#run#00000003");
      await eventually("the last record", () => read("FeedTable", `fed ${pk}`, "LOG#run#00000003"));
      expect(await fed()).toEqual(["INSERT LOG#run#00000002", "INSERT LOG#run#00000003", "INSERT PROGRESS#run#1"]);
    });

    it("deliver the wake-up of a schedule through its queue, and a delayed message after it", async () => {
      const id = randomUUID();
      const at = new Date(Date.now() + 1000).toISOString().slice(0, 19);
      const { body } = await ask("/v1/workflows/schedules", { method: "POST", body: JSON.stringify({ id, at }) });
      expect(body).toEqual({ armed: "allowed", armedElsewhere: "AccessDeniedException" });
      expect(await eventually("the delayed message", () => read("SchedulesTable", "fired", id))).toBeDefined();
    });

    it("run the sweeper by its rule", async () => {
      const swept = async () => {
        const { Items } = await dynamo.send(
          new QueryCommand({
            TableName: stack.outputs.SchedulesTable,
            KeyConditionExpression: "pk = :pk",
            ExpressionAttributeValues: { ":pk": { S: "swept" } },
          }),
        );
        return Items?.[0];
      };
      expect(await eventually("a sweep", swept)).toBeDefined();
    });
  });

  // Last, because it deletes the stack.
  describe("deleting it", () => {
    it("is refused while the stack is protected, and else leaves neither a queue nor a payload", async () => {
      const { endpoint, region, credentials } = account;
      const cloudFormation = new CloudFormationClient({ endpoint, region, credentials });
      const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
      const protect = (EnableTerminationProtection: boolean) =>
        cloudFormation.send(
          new UpdateTerminationProtectionCommand({ StackName: stack.stackName, EnableTerminationProtection }),
        );
      const clients = { cloudFormation, s3, sqs };

      await register("remaining");
      await s3.send(
        new PutObjectCommand({ Bucket: stack.outputs.PayloadBucket, Key: "default/payload", Body: "large" }),
      );
      await protect(true);
      await expect(findDeletableStack(clients, stack.stackName)).rejects.toThrow(/protected.*removalPolicy=destroy/);
      await protect(false);
      const steps: string[] = [];
      await destroy(clients, await findDeletableStack(clients, stack.stackName), (step) => steps.push(step));
      expect(steps).toEqual([
        "deleted 1 payloads",
        `deleted the stack ${stack.stackName}`,
        expect.stringMatching(/^deleted [1-9]\d* task queues$/),
      ]);
      expect((await sqs.send(new ListQueuesCommand({ QueueNamePrefix: stack.stackName }))).QueueUrls ?? []).toEqual([]);
      await expect(findDeletableStack(clients, stack.stackName)).rejects.toThrow(/There is no stack/);
    });
  });
});
