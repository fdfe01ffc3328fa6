/** Creates and deletes the queues of a deployment. */
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { QueueRef } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { isMissing } from "./missing-queue.ts";

export interface QueueOptions {
  readonly prefix: string;
  /** ARN of the dead-letter queue of all deployments. Default: none. */
  readonly deadLettersArn?: string | undefined;
  /** Name of the installation, a tag of each queue. Default: `sirocco`. */
  readonly installation?: string;
  /** ARN of the KMS key that encrypts the queues. Default: SQS's own key. */
  readonly keyArn?: string | undefined;
  /** Create a queue at its first use. For tests only: handlers have no right to create queues. Default: false. */
  readonly onDemand?: boolean;
}

/** Deliveries of a task before SQS moves it to the dead-letter queue. */
export const MAX_RECEIVES = { workflow: 10, activity: 1_000 } as const;
/** SQS's longest retention. The sweeper sends workflow tasks again that SQS deleted after it. */
const KEEP_SECONDS = 14 * 86_400;

/** Answers its URL. */
export async function ensureQueue(
  sqs: SQSClient,
  { deadLettersArn, installation = "sirocco", keyArn }: QueueOptions,
  { queue, name: QueueName, leaseMs }: { queue: QueueRef; name: string; leaseMs: Millis },
): Promise<string> {
  const refused = deadLettersArn === undefined ? null : plainHttpRefused(deadLettersArn, QueueName);
  const Attributes: Record<string, string> = {
    ...(refused && { Policy: refused }),
    VisibilityTimeout: String(Math.max(1, Math.ceil(leaseMs / 1000))),
    MessageRetentionPeriod: String(KEEP_SECONDS),
    ReceiveMessageWaitTimeSeconds: "20",
    // SQS asks KMS once an hour for each caller.
    ...(keyArn ? { KmsMasterKeyId: keyArn, KmsDataKeyReusePeriodSeconds: "3600" } : { SqsManagedSseEnabled: "true" }),
    ...(deadLettersArn && {
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: deadLettersArn,
        maxReceiveCount: MAX_RECEIVES[queue.queue],
      }),
    }),
  };
  const { workspace, deployment, queue: kind } = queue;
  const tags = { sirocco: installation, workspace, deployment, queue: kind };
  try {
    return (await sqs.send(new CreateQueueCommand({ QueueName, Attributes, tags }))).QueueUrl!;
  } catch (error) {
    if (!/QueueNameExists|QueueAlreadyExists/.test((error as Error).name)) throw error;
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
    return QueueUrl!;
  }
}

/** The queue's policy: nobody reaches it without TLS. The ARN of another queue has its account and region. */
function plainHttpRefused(sibling: string, name: string): string {
  const Resource = `${sibling.slice(0, sibling.lastIndexOf(":") + 1)}${name}`;
  const Condition = { Bool: { "aws:SecureTransport": "false" } };
  const Statement = [{ Effect: "Deny", Principal: "*", Action: "sqs:*", Resource, Condition }];
  return JSON.stringify({ Version: "2012-10-17", Statement });
}

/** Answers the names of those that existed. */
export async function deleteQueues(sqs: SQSClient, names: readonly string[]): Promise<string[]> {
  const deleted: string[] = [];
  for (const QueueName of names) {
    try {
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
      await sqs.send(new DeleteQueueCommand({ QueueUrl }));
      deleted.push(QueueName);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return deleted;
}
