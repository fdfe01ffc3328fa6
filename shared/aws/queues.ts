/**
 * The queues of deployments: made when a worker registers, found by name, deleted by an operator.
 *
 * Their dead-letter queue is one for all (`infra/constructs/task-queues.ts`): an idle consumer costs money, a sleeping
 * deployment must not. SQS counts deliveries; how many there may be:
 * - a workflow task, 10: no worker survived it. The execution stays due, so the sweeper rings again, ever more rarely.
 * - an activity task, 1,000, the most that SQS allows: its deliveries are the attempts, limited by its own retry policy.
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

/** So often a task is delivered before SQS sets it aside. */
export const MAX_RECEIVES = { workflow: 10, activity: 1_000 } as const;
/** SQS's longest: a deployment may sleep for two weeks before its rings are lost, and then the sweeper rings again. */
const KEEP_SECONDS = 14 * 86_400;

export interface QueueOptions {
  readonly prefix: string;
  /** ARN of the dead-letter queue of all deployments; absent: none. */
  readonly deadLettersArn?: string | undefined;
  /** Name of the installation, put on each queue as a tag. */
  readonly installation?: string;
  /** Make a queue when it is first used, instead of at registration. For tests; handlers have no right to. */
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

  /** Null: there is no such queue, because its deployment never registered or was deleted. */
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

  /** Makes the queue if it is missing; one made with other attributes by an older version is brought up to date. */
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

  /** Both queues of a deployment, with what waits in them. Answers the names of those that were there. */
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
