/**
 * The queues of deployments. A worker's registration creates them, handlers find them by name, operators delete them.
 *
 * All share one dead-letter queue (`infra/constructs/task-queues.ts`): each consumer of a queue costs money while it is
 * idle, and a deployment without workers must cost nothing. SQS moves a task there after so many deliveries:
 * - a workflow task, 10. No worker survived it. The execution stays due, so the sweeper enqueues a task again, at growing
 *   intervals.
 * - an activity task, 1,000, the most that SQS allows. Its deliveries are its attempts, which its retry policy limits.
 */
import { GetQueueUrlCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { LruCache } from "../lib/lru-cache.ts";
import type { QueueRef } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { isMissing } from "./missing-queue.ts";
import { queueName } from "./queue-names.ts";
import type { QueueOptions } from "./queue-setup.ts";

export type { QueueOptions } from "./queue-setup.ts";

/** Loaded at its first use: a deployment is set up once. */
const setup = () => import("./queue-setup.ts");

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
    const { ensureQueue } = await setup();
    const url = await ensureQueue(this.#sqs, this.options, { queue, name: this.name(queue), leaseMs: this.#leaseMs });
    this.#urls.set(this.name(queue), url);
    return url;
  }

  /** Deletes both queues of a deployment and the tasks in them. Answers the names of the queues that existed. */
  async deleteBoth(workspace: string, deployment: string): Promise<string[]> {
    const queues = (["workflow", "activity"] as const).map((queue) => ({ workspace, deployment, queue }));
    for (const queue of queues) this.forget(queue);
    const names = queues.map((queue) => this.name(queue));
    return (await setup()).deleteQueues(this.#sqs, names);
  }
}
