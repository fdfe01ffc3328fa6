/**
 * Bad days of an installation: a first deployment that fails and is repeated, and data that is brought back. Every step is the
 * operator's own, in the order of infra/README.md.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3";
import { ListScheduleGroupsCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { GetQueueAttributesCommand, ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { Mistral } from "@mistralai/mistralai";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { restore } from "../../infra/operate/restore.ts";
import { type Deployment, deploy, environmentOf } from "../../localstack/deploy.ts";
import { activity, on, type RunningWorker, signal, startWorker, waitUntil, workflow } from "../../sdk/index.ts";
import { ENV } from "../../shared/aws/names.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { QUIET } from "../support/test-server.ts";
import { assemblyOf, DEPLOYED_WITHIN_MS } from "./shared-stack.ts";
import { blankAccount, cannotRun, eventually, type TestAccount } from "./support.ts";

const STACK = "Sirocco";
/** An execution that ends after the second of the copies. */
const LATER = "terminated-later";
/** Larger than an item of a table, compressed too: the payload is in the bucket. */
const TEXT = randomBytes(300_000).toString("hex");

/** Of the account's own, for all that the stack stores. */
const KEY = "arn:aws:kms:us-east-1:000000000000:key/0190a000-0000-7000-8000-000000000001";
const OWN = { removalPolicy: "retain", kmsKeyArn: KEY } as const;

const approve = signal("approve");
const measure = activity({ name: "measure", input: z.object({ text: z.string() }) }, async ({ text }) => text.length);
const waits = workflow({ name: "waits", input: z.object({ text: z.string() }), handlers: [approve] }, async (input) => {
  const length = await measure(input);
  let approved = false;
  on(approve, () => {
    approved = true;
  });
  await waitUntil(() => approved);
  return { length, again: input.text.length };
});

let account: TestAccount;
let cloudFormation: CloudFormationClient;
let dynamo: DynamoDBClient;
let s3: S3Client;
let sqs: SQSClient;
let scheduler: SchedulerClient;
let stack: Deployment;
let key: string;
let client: Mistral;
let worker: RunningWorker | undefined;

const startOne = async () => {
  const at = { url: stack.workerUrl, apiKey: key, deployment: "drill", name: "one", log: QUIET };
  worker = await startWorker({ workflows: [waits], activities: [measure], ...at });
};
const get = (executionId: string) => client.workflows.executions.getWorkflowExecution({ executionId });
const start = (executionId: string) =>
  client.workflows.executeWorkflow({
    workflowIdentifier: "waits",
    workflowExecutionRequest: { executionId, input: { text: TEXT } },
  });
const kinds = async (executionId: string) => {
  const { events } = (await client.workflows.executions.getWorkflowExecutionHistory({ executionId })) as {
    events: { kind: string }[];
  };
  return events.map(({ kind }) => kind);
};
/** What the account has, apart from the CDK's own bucket. */
const left = async () => ({
  tables: (await dynamo.send(new ListTablesCommand({}))).TableNames,
  buckets: (await s3.send(new ListBucketsCommand({}))).Buckets?.filter(({ Name }) => !Name?.startsWith("cdk-")),
  queues: (await sqs.send(new ListQueuesCommand({}))).QueueUrls ?? [],
  groups: (await scheduler.send(new ListScheduleGroupsCommand({}))).ScheduleGroups?.filter(
    ({ Name }) => Name !== "default",
  ),
});
const statusOfStack = async () =>
  (await cloudFormation.send(new DescribeStacksCommand({ StackName: STACK }))).Stacks?.[0]?.StackStatus;

describeUnless(cannotRun)("an installation on a bad day", () => {
  beforeAll(async () => {
    account = await blankAccount();
    const { endpoint, region, credentials } = account;
    const at = { endpoint, region, credentials };
    cloudFormation = new CloudFormationClient(at);
    dynamo = new DynamoDBClient(at);
    s3 = new S3Client({ ...at, forcePathStyle: true });
    sqs = new SQSClient(at);
    scheduler = new SchedulerClient(at);
    process.env.AWS_ENDPOINT_URL = endpoint;
  }, 60_000);

  afterAll(async () => {
    await worker?.stop();
    for (const each of [cloudFormation, dynamo, s3, sqs, scheduler]) each?.destroy();
    await account?.stop();
  }, 60_000);

  test(
    "leaves nothing behind when its first deployment fails, and is deployed again under the same name",
    async () => {
      // AWS keeps 100 of the account's concurrency for functions without a reservation.
      const quota = (n: number) => fetch(`${account.endpoint}/_emulator/concurrency/${n}`, { method: "POST" });
      const assembly = await assemblyOf({ ...OWN, concurrency: "worker=250" as never });
      await quota(300);
      const refused = await deploy({ endpoint: account.endpoint, assembly }).catch((error: Error) => error);
      expect(String(refused)).toMatch(/UnreservedConcurrentExecution below its minimum value/);
      expect(await statusOfStack()).toBe("ROLLBACK_COMPLETE");
      expect(await left()).toEqual({ tables: [], buckets: [], queues: [], groups: [] });
      await quota(1_000);
      stack = await deploy({ endpoint: account.endpoint, assembly, bootstrap: false });
      expect(await statusOfStack()).toBe("CREATE_COMPLETE");
      expect((await fetch(`${stack.apiUrl}/openapi.json`)).status).toBe(200);
    },
    DEPLOYED_WITHIN_MS,
  );

  test(
    "goes on from copies of its tables and its bucket: an execution that was waiting completes on them",
    async () => {
      const { stdout } = await promisify(execFile)("sh", ["-c", stack.outputs.FirstKeyCommand!], {
        env: {
          ...process.env,
          AWS_ENDPOINT_URL: account.endpoint,
          AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
        },
      });
      key = /^SIROCCO_API_KEY=(\S+)$/m.exec(stdout)![1]!;
      client = new Mistral({ serverURL: stack.apiUrl, apiKey: key });
      await startOne();
      // The queues that a registration creates have the key, which the environment names.
      const prefix = environmentOf(stack, { kmsKeyArn: KEY })[ENV.taskQueuePrefix];
      const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: prefix }));
      expect(QueueUrls).toHaveLength(2);
      for (const QueueUrl of QueueUrls) {
        const about = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
        expect(about.Attributes?.KmsMasterKeyId, QueueUrl).toBe(KEY);
      }
      for (const id of ["waiting", LATER]) {
        await start(id);
        const measured = async () => ((await kinds(id)).includes("activity_completed") ? true : undefined);
        await eventually(`the wait of ${id}`, measured, 60_000);
      }
      const before = await kinds("waiting");
      // 1. Stop the workers, and bring the tables and the objects back beside what is there.
      await worker!.stop();
      const steps: string[] = [];
      const settings = await restore(
        { cloudFormation, dynamo },
        STACK,
        new Date(),
        (step) => void steps.push(step),
        () => new Promise((resolve) => setTimeout(resolve, 50)),
      );
      expect(steps.filter((step) => step.startsWith("restoring"))).toHaveLength(4);
      const existingPayloads = "payloads-brought-back";
      const own = settings.existingPayloads!;
      await s3.send(new CreateBucketCommand({ Bucket: existingPayloads }));
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: own }));
      expect(Contents.length).toBeGreaterThan(0);
      for (const { Key } of Contents)
        await s3.send(new CopyObjectCommand({ Bucket: existingPayloads, CopySource: `${own}/${Key}`, Key }));
      // 2. What happens after that second is not in the copies.
      await client.workflows.executions.terminateWorkflowExecution({ executionId: LATER });
      // 3. Deploy the printed settings to the stack itself.
      const former = await left();
      const restored = { ...OWN, ...settings, existingPayloads, deletionProtection: "on" } as const;
      stack = await deploy({ endpoint: account.endpoint, bootstrap: false, assembly: await assemblyOf(restored) });
      const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: STACK }));
      expect(Stacks?.[0]?.EnableTerminationProtection).toBe(true);
      expect(stack.outputs.ExecutionsTable).toBe(settings.existingExecutions);
      expect((await left()).tables).toEqual(former.tables); // the stack's own tables stay, unused
      expect((await get(LATER)).status).toBe("RUNNING");
      // 4. Start the workers.
      await startOne();
      expect(await kinds("waiting")).toEqual(before);
      await client.workflows.executions.signalWorkflowExecution({
        executionId: "waiting",
        signalInvocationBody: { name: "approve", input: {} },
      });
      const ended = await eventually(
        "its end",
        async () => {
          const found = await get("waiting");
          return found.status === "RUNNING" ? undefined : found;
        },
        60_000,
      );
      expect(ended).toMatchObject({ status: "COMPLETED", result: { length: TEXT.length, again: TEXT.length } });
      // The feed goes on from the change stream of the copy.
      await eventually(
        "its last event",
        async () => {
          const { events } = await client.workflows.events.getWorkflowEvents({ workflowExecId: "waiting" });
          const types = events?.map(({ eventType }) => eventType);
          return types?.at(-1) === "WORKFLOW_EXECUTION_COMPLETED" ? types : undefined;
        },
        60_000,
      );
    },
    DEPLOYED_WITHIN_MS,
  );
});
