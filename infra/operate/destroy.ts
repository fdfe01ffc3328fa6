/**
 * `npm run destroy -- [stackName]` deletes an installation and all its data.
 *
 * A stack with `removalPolicy=retain` (the default) keeps its tables, and this script refuses it: deploy it with
 * `-c removalPolicy=destroy` first. CloudFormation does not delete objects in the payload bucket, nor the task queues,
 * which handlers created at run time. The script deletes the objects before the stack and the queues after it.
 */
import { createInterface } from "node:readline/promises";
import {
  CloudFormationClient,
  DeleteStackCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
  paginateListStackResources,
  type Stack,
  waitUntilStackDeleteComplete,
} from "@aws-sdk/client-cloudformation";
import {
  DeleteObjectsCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  S3Client,
} from "@aws-sdk/client-s3";
import { DeleteQueueCommand, paginateListQueues, SQSClient } from "@aws-sdk/client-sqs";
import { taskQueuePrefix } from "../../shared/aws/names.ts";
import { Refused, runScript } from "./script.ts";

export interface Clients {
  readonly cloudFormation: CloudFormationClient;
  readonly s3: S3Client;
  readonly sqs: SQSClient;
}

/** Time that CloudFormation may take, seconds: it deletes event source mappings and log groups slowly. */
const DELETED_WITHIN_S = 1800;
/** Handlers may write payloads until they are deleted, and CloudFormation cannot delete a bucket that holds an object. */
const MAX_ATTEMPTS = 3;

export class CannotDestroy extends Refused {
  override readonly name = "CannotDestroy";
}

/** @throws {CannotDestroy} when there is no such stack, or when it keeps its data. */
export async function findDeletableStack({ cloudFormation }: Clients, stackName: string): Promise<Stack> {
  const described = cloudFormation.send(new DescribeStacksCommand({ StackName: stackName }));
  const answer = await described.catch((error: Error) => {
    if (!/does not exist/.test(error.message)) throw error;
    throw new CannotDestroy(`There is no stack "${stackName}" in this account and region.`);
  });
  const stack = answer.Stacks?.[0];
  if (!stack) throw new CannotDestroy(`There is no stack "${stackName}" in this account and region.`);
  const allow = `To allow its deletion, run: npm run deploy -- -c stackName=${stackName} -c removalPolicy=destroy`;
  if (stack.EnableTerminationProtection)
    throw new CannotDestroy(`Stack "${stackName}" is protected from deletion. ${allow}`);
  // A stack that was deleted in part keeps its template.
  const { TemplateBody = "" } = await cloudFormation.send(
    new GetTemplateCommand({ StackName: stack.StackId ?? stackName, TemplateStage: "Processed" }),
  );
  if (/"?DeletionPolicy"?:\s*"?Retain/.test(TemplateBody))
    throw new CannotDestroy(`Stack "${stackName}" keeps its data when it is deleted. ${allow}`);
  return stack;
}

/**
 * Deletes the stack, its payloads and its task queues. Reports each step to `say`.
 * @throws {CannotDestroy} with CloudFormation's reason if the stack was not deleted. A further call continues.
 */
export async function destroy(clients: Clients, stack: Stack, say: (step: string) => void): Promise<void> {
  const stackName = stack.StackName!;
  // By its id: CloudFormation does not find a deleted stack by its name.
  const id = stack.StackId ?? stackName;
  for (let attempt = 1; ; attempt++) {
    say(`deleted ${await emptyBuckets(clients, id)} payloads`);
    const { deleted, reason } = await deleteStack(clients.cloudFormation, id);
    if (deleted) break;
    if (attempt === MAX_ATTEMPTS) {
      const what = `Stack "${stackName}" was not deleted: ${reason}.`;
      throw new CannotDestroy(`${what} Remove the cause, then: npm run destroy -- ${stackName}`);
    }
    say(`CloudFormation did not delete the stack (${reason}), trying again`);
  }
  say(`deleted the stack ${stackName}`);
  // After the stack, because a handler could create them again.
  say(`deleted ${await deleteQueues(clients.sqs, taskQueuePrefix(stackName))} task queues`);
}

async function deleteStack(
  client: CloudFormationClient,
  StackName: string,
): Promise<{ deleted: boolean; reason: string }> {
  await client.send(new DeleteStackCommand({ StackName }));
  const waiting = { client, maxWaitTime: DELETED_WITHIN_S, minDelay: 1, maxDelay: 10 };
  try {
    await waitUntilStackDeleteComplete(waiting, { StackName });
    return { deleted: true, reason: "" };
  } catch (error) {
    const described = await client.send(new DescribeStacksCommand({ StackName }));
    const stack = described.Stacks?.[0];
    if (stack?.StackStatus !== "DELETE_FAILED") throw error;
    return { deleted: false, reason: stack.StackStatusReason ?? "CloudFormation gives no reason" };
  }
}

/** Finds the buckets among the stack's resources: a partly deleted stack may have no outputs any more. */
async function emptyBuckets({ cloudFormation: client, s3 }: Clients, StackName: string): Promise<number> {
  let objects = 0;
  for await (const { StackResourceSummaries = [] } of paginateListStackResources({ client }, { StackName })) {
    for (const { ResourceType, ResourceStatus, PhysicalResourceId: Bucket } of StackResourceSummaries) {
      if (ResourceType !== "AWS::S3::Bucket" || ResourceStatus === "DELETE_COMPLETE" || !Bucket) continue;
      objects += await emptyBucket(s3, Bucket);
    }
  }
  return objects;
}

/** With earlier versions and marks of deletions. Answers the number of objects that were there. */
async function emptyBucket(s3: S3Client, Bucket: string): Promise<number> {
  let objects = 0;
  let from: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
  while (from) {
    const page: ListObjectVersionsCommandOutput = await s3.send(new ListObjectVersionsCommand({ Bucket, ...from }));
    const { Versions = [], DeleteMarkers = [], NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page;
    const all = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (all.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: all, Quiet: true } }));
    objects += Versions.filter(({ IsLatest }) => IsLatest).length;
    from = page.IsTruncated && KeyMarker ? { KeyMarker, ...(VersionIdMarker && { VersionIdMarker }) } : undefined;
  }
  return objects;
}

async function deleteQueues(sqs: SQSClient, QueueNamePrefix: string): Promise<number> {
  let queues = 0;
  // Without a page size SQS answers the first thousand queues and no token for more.
  for await (const { QueueUrls = [] } of paginateListQueues({ client: sqs, pageSize: 1000 }, { QueueNamePrefix })) {
    for (const QueueUrl of QueueUrls) await sqs.send(new DeleteQueueCommand({ QueueUrl }));
    queues += QueueUrls.length;
  }
  return queues;
}

if (import.meta.main)
  await runScript(async () => {
    const names = process.argv.slice(2).filter((word) => word !== "--yes");
    if (names.length > 1) throw new CannotDestroy(`One stack at a time, not ${names.join(", ")}.`);
    // Path style where the endpoint is not AWS's: an emulator has one host name for all buckets.
    const s3 = new S3Client({ forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined });
    const clients = { cloudFormation: new CloudFormationClient(), s3, sqs: new SQSClient() };
    const stack = await findDeletableStack(clients, names[0] ?? "Sirocco");
    if (!process.argv.includes("--yes")) {
      const terminal = createInterface({ input: process.stdin, output: process.stderr });
      const typed = await terminal.question(
        `This deletes every execution, schedule and key in ${stack.StackId}. Type the name of the stack to continue: `,
      );
      terminal.close();
      if (typed !== stack.StackName) throw new CannotDestroy("Nothing was deleted.");
    }
    await destroy(clients, stack, (step) => console.error(step));
  });
