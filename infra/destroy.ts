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
  type Stack,
  waitUntilStackDeleteComplete,
} from "@aws-sdk/client-cloudformation";
import { DeleteObjectsCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { DeleteQueueCommand, paginateListQueues, SQSClient } from "@aws-sdk/client-sqs";
import { taskQueuePrefix } from "./names.ts";

export interface Clients {
  readonly cloudFormation: CloudFormationClient;
  readonly s3: S3Client;
  readonly sqs: SQSClient;
}

/** How long CloudFormation may take, seconds: event source mappings and log groups are slow to go. */
const DELETED_WITHIN_S = 1800;

export class CannotDestroy extends Error {
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

/** Deletes the stack, its payloads and its task queues. `say` is told of each step. */
export async function destroy(clients: Clients, stack: Stack, say: (step: string) => void): Promise<void> {
  const { cloudFormation, s3, sqs } = clients;
  const stackName = stack.StackName!;
  const bucket = stack.Outputs?.find(({ OutputKey }) => OutputKey === "PayloadBucket")?.OutputValue;
  if (bucket) {
    let objects = 0;
    for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket })) {
      if (Contents.length === 0) continue;
      await s3.send(
        new DeleteObjectsCommand({
          Bucket: bucket,
          Delete: { Objects: Contents.map(({ Key }) => ({ Key })), Quiet: true },
        }),
      );
      objects += Contents.length;
    }
    say(`deleted ${objects} payloads`);
  }
  // By its id: a deleted stack is no longer found by its name.
  await cloudFormation.send(new DeleteStackCommand({ StackName: stack.StackId ?? stackName }));
  await waitUntilStackDeleteComplete(
    { client: cloudFormation, maxWaitTime: DELETED_WITHIN_S, minDelay: 1, maxDelay: 10 },
    { StackName: stack.StackId ?? stackName },
  );
  say(`deleted the stack ${stackName}`);
  // Last, when no handler is left that would make them again.
  let queues = 0;
  for await (const { QueueUrls = [] } of paginateListQueues(
    { client: sqs },
    { QueueNamePrefix: taskQueuePrefix(stackName) },
  )) {
    for (const QueueUrl of QueueUrls) await sqs.send(new DeleteQueueCommand({ QueueUrl }));
    queues += QueueUrls.length;
  }
  say(`deleted ${queues} task queues`);
}

if (import.meta.main) {
  const names = process.argv.slice(2).filter((word) => word !== "--yes");
  const clients = { cloudFormation: new CloudFormationClient(), s3: new S3Client(), sqs: new SQSClient() };
  try {
    if (names.length > 1) throw new CannotDestroy(`One stack at a time, not ${names.join(", ")}.`);
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
  } catch (error) {
    if (!(error instanceof CannotDestroy)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
