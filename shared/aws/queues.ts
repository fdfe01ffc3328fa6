/**
 * The queues of deployments. A worker's registration creates them, handlers find them by name, operators delete them.
 *
 * All share one dead-letter queue (`infra/constructs/task-queues.ts`): each consumer of a queue costs money while it is
 * idle, and a deployment without workers must cost nothing. SQS moves a task there after so many deliveries:
 * - a workflow task, 10. No worker survived it. The execution stays due, so the sweeper enqueues a task again, at growing
 *   intervals.
 * - an activity task, 1,000, the most that SQS allows. Its deliveries are its attempts, which its retry policy limits.
 */
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  SetQueueAttributesCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { LruCache } from "../lib/lru-cache.ts";
import type { QueueRef } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { queueName } from "./queue-names.ts";

/** Deliveries of a task before SQS moves it to the dead-letter queue. */
export const MAX_RECEIVES = { workflow: 10, activity: 1_000 } as const;
/** SQS's longest retention. The sweeper sends workflow tasks again that SQS deleted after it. */
const KEEP_SECONDS = 14 * 86_400;

export interface QueueOptions {
  readonly prefix: string;
  /** ARN of the dead-letter queue of all deployments. Default: none. */
  readonly deadLettersArn?: string | undefined;
  /** Name of the installation, a tag of each queue. Default: `sirocco`. */
  readonly installation?: string;
  /** Create a queue at its first use. For tests only: handlers have no right to create queues. Default: false. */
  readonly onDemand?: boolean;
}

export class Queues {
  readonly options: QueueOptions;
  readonly #sqs: SQSClient;
  readonly #leaseMs: Millis;
  readonly #urls = new LruCache<string>(5_000);

  constructor(sqs: SQSClient, options: QueueOptions, leaseMs: Millis) {
    this.#sqs = sqs;
    this.options = options;
    this.#leaseMs = leaseMs;
  }

  name(queue: QueueRef): string {
    return queueName(this.options.prefix, queue);
  }

  /** Null = there is no such queue: its deployment never registered, or an operator deleted its queues. */
  async url(queue: QueueRef): Promise<string | null> {
    const name = this.name(queue);
    const known = this.#urls.get(name);
    if (known !== undefined) return known;
    if (this.options.onDemand) return this.ensure(queue);
    try {
      const { QueueUrl } = await this.#sqs.send(new GetQueueUrlCommand({ QueueName: name }));
      this.#urls.set(name, QueueUrl!);
      return QueueUrl!;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  forget(queue: QueueRef): void {
    this.#urls.delete(this.name(queue));
  }

  /** Creates the queue if it is missing. Updates the attributes of a queue that an older version created. */
  async ensure(queue: QueueRef): Promise<string> {
    const QueueName = this.name(queue);
    const { deadLettersArn, installation = "sirocco" } = this.options;
    const Attributes: Record<string, string> = {
      VisibilityTimeout: String(Math.max(1, Math.ceil(this.#leaseMs / 1000))),
      MessageRetentionPeriod: String(KEEP_SECONDS),
      ReceiveMessageWaitTimeSeconds: "20",
      SqsManagedSseEnabled: "true",
      ...(deadLettersArn && {
        RedrivePolicy: JSON.stringify({
          deadLetterTargetArn: deadLettersArn,
          maxReceiveCount: MAX_RECEIVES[queue.queue],
        }),
      }),
    };
    const { workspace, deployment, queue: kind } = queue;
    const tags = { sirocco: installation, workspace, deployment, queue: kind };
    let url: string;
    try {
      url = (await this.#sqs.send(new CreateQueueCommand({ QueueName, Attributes, tags }))).QueueUrl!;
    } catch (error) {
      if (!/QueueNameExists|QueueAlreadyExists/.test((error as Error).name)) throw error;
      url = (await this.#sqs.send(new GetQueueUrlCommand({ QueueName }))).QueueUrl!;
      await this.#sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes }));
    }
    this.#urls.set(QueueName, url);
    return url;
  }

  /** Deletes both queues of a deployment and the tasks in them. Answers the names of the queues that existed. */
  async deleteBoth(workspace: string, deployment: string): Promise<string[]> {
    const deleted: string[] = [];
    for (const kind of ["workflow", "activity"] as const) {
      const queue = { workspace, deployment, queue: kind };
      this.forget(queue);
      const QueueName = this.name(queue);
      try {
        const { QueueUrl } = await this.#sqs.send(new GetQueueUrlCommand({ QueueName }));
        await this.#sqs.send(new DeleteQueueCommand({ QueueUrl }));
        deleted.push(QueueName);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    }
    return deleted;
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof QueueDoesNotExist || /QueueDoesNotExist|NonExistentQueue/.test((error as Error)?.name ?? "");
