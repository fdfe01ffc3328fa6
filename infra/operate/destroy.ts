/**
 * `npm run destroy -- [stackName]`: deletes an installation with everything in it, once it was told that its data may go.
 *
 * A stack deployed with `removalPolicy=retain` (the default) is protected and refused here: deploy it with
 * `-c removalPolicy=destroy` first. What CloudFormation cannot delete by itself is deleted here: the objects of the
 * payload bucket before it, and the queues of deployments, which handlers made at run time, after it.
 */
import { createInterface } from "node:readline/promises";
import {
  CloudFormationClient,
  DeleteStackCommand,
  DescribeStacksCommand,
  paginateListStackResources,
  type Stack,
  waitUntilStackDeleteComplete,
} from "@aws-sdk/client-cloudformation";
import { DeleteObjectsCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { DeleteQueueCommand, paginateListQueues, SQSClient } from "@aws-sdk/client-sqs";
import { taskQueuePrefix } from "../../shared/aws/names.ts";
import { Refused, runScript } from "./script.ts";

export interface Clients {
  readonly cloudFormation: CloudFormationClient;
  readonly s3: S3Client;
  readonly sqs: SQSClient;
}

/** How long CloudFormation may take, seconds: event source mappings and log groups are slow to go. */
const DELETED_WITHIN_S = 1800;
/** Handlers write payloads until CloudFormation deletes them, and a bucket with an object in it does not go. */
const ROUNDS = 3;

export class CannotDestroy extends Refused {
  override readonly name = "CannotDestroy";
}

/** @throws {CannotDestroy} when there is no such stack, or when it keeps its data. */
export async function findDoomed({ cloudFormation }: Clients, stackName: string): Promise<Stack> {
  const described = cloudFormation.send(new DescribeStacksCommand({ StackName: stackName }));
  const answer = await described.catch((error: Error) => {
    if (!/does not exist/.test(error.message)) throw error;
    throw new CannotDestroy(`There is no stack "${stackName}" in this account and region.`);
  });
  const stack = answer.Stacks?.[0];
  if (!stack) throw new CannotDestroy(`There is no stack "${stackName}" in this account and region.`);
  if (stack.EnableTerminationProtection) {
    throw new CannotDestroy(
      `Stack "${stackName}" keeps its data and is protected from deletion. If its data may go, say so first: npm run deploy -- -c stackName=${stackName} -c removalPolicy=destroy`,
    );
  }
  return stack;
}

/**
 * Deletes the stack, its payloads and its task queues. `say` is told of each step.
 * @throws {CannotDestroy} with CloudFormation's reason when the stack does not go. Doing it again goes on.
 */
export async function destroy(clients: Clients, stack: Stack, say: (step: string) => void): Promise<void> {
  const stackName = stack.StackName!;
  // By its id: a deleted stack is no longer found by its name.
  const id = stack.StackId ?? stackName;
  for (let round = 1; ; round++) {
    say(`deleted ${await emptyBuckets(clients, id)} payloads`);
    const { gone, reason } = await deleteStack(clients.cloudFormation, id);
    if (gone) break;
    if (round === ROUNDS) {
      const what = `Stack "${stackName}" was not deleted: ${reason}.`;
      throw new CannotDestroy(`${what} Remove the cause, then: npm run destroy -- ${stackName}`);
    }
    say(`the stack did not go (${reason}), once more`);
  }
  say(`deleted the stack ${stackName}`);
  // Last, when no handler is left that would make them again.
  say(`deleted ${await deleteQueues(clients.sqs, taskQueuePrefix(stackName))} task queues`);
}

async function deleteStack(
  client: CloudFormationClient,
  StackName: string,
): Promise<{ gone: boolean; reason: string }> {
  await client.send(new DeleteStackCommand({ StackName }));
  const waiting = { client, maxWaitTime: DELETED_WITHIN_S, minDelay: 1, maxDelay: 10 };
  try {
    await waitUntilStackDeleteComplete(waiting, { StackName });
    return { gone: true, reason: "" };
  } catch (error) {
    const described = await client.send(new DescribeStacksCommand({ StackName }));
    const stack = described.Stacks?.[0];
    if (stack?.StackStatus !== "DELETE_FAILED") throw error;
    return { gone: false, reason: stack.StackStatusReason ?? "CloudFormation gives no reason" };
  }
}

/** Of the stack's own resources, because a stack that was half deleted may have no outputs any more. */
async function emptyBuckets({ cloudFormation: client, s3 }: Clients, StackName: string): Promise<number> {
  let objects = 0;
  for await (const { StackResourceSummaries = [] } of paginateListStackResources({ client }, { StackName })) {
    for (const { ResourceType, ResourceStatus, PhysicalResourceId: Bucket } of StackResourceSummaries) {
      if (ResourceType !== "AWS::S3::Bucket" || ResourceStatus === "DELETE_COMPLETE" || !Bucket) continue;
      for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket })) {
        if (Contents.length === 0) continue;
        const Delete = { Objects: Contents.map(({ Key }) => ({ Key })), Quiet: true };
        await s3.send(new DeleteObjectsCommand({ Bucket, Delete }));
        objects += Contents.length;
      }
    }
  }
  return objects;
}

async function deleteQueues(sqs: SQSClient, QueueNamePrefix: string): Promise<number> {
  let queues = 0;
  // Without a page size SQS answers the first thousand and not that there are more.
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
    // Path style wherever the endpoint is not AWS's own: an emulator has one host name.
    const s3 = new S3Client({ forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined });
    const clients = { cloudFormation: new CloudFormationClient(), s3, sqs: new SQSClient() };
    const stack = await findDoomed(clients, names[0] ?? "Sirocco");
    if (!process.argv.includes("--yes")) {
      const terminal = createInterface({ input: process.stdin, output: process.stderr });
      const typed = await terminal.question(
        `Every execution, schedule and key in ${stack.StackId} will be gone. Its name, to go on: `,
      );
      terminal.close();
      if (typed !== stack.StackName) throw new CannotDestroy("Nothing was deleted.");
    }
    await destroy(clients, stack, (step) => console.error(step));
  });
