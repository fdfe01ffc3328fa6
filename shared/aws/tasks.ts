/**
 * Task queues over SQS. The visibility timeout is the lease, the receive count is the attempt.
 *
 * `key` and `prefer` have no effect here: SQS neither merges messages nor chooses a receiver, and a duplicate task is
 * harmless (PORT-4). A receipt is `<queue>/<deployment>/<SQS's receipt handle>`. The queue is looked up in the caller's
 * workspace, so SQS refuses a handle that belongs to another workspace.
 */
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  SendMessageCommand,
} from "@aws-sdk/client-sqs";
import { callInBatches, type FailedEntry, type ReceiptEntry } from "../lib/sqs-batch.ts";
import type { QueueRef, Tasks } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Delivery, Task } from "../protocol/worker.ts";
import type { Context } from "./context.ts";
import { isMissing } from "./missing-queue.ts";
import type { Queues } from "./queues.ts";
import { attributesOf, writeTask } from "./task-writing.ts";

/** Loaded at its first use: workers receive from SQS directly, so few handlers read a task. */
const reading = () => import("./task-reading.ts");

/** SQS delays a message by 15 minutes at most. The sweeper sends the tasks that are due later. */
const MAX_DELAY_SECONDS = 900;
const MAX_VISIBILITY_SECONDS = 12 * 3_600;

export class AwsTasks implements Tasks {
  readonly #c: Context;
  readonly #queues: Queues;

  constructor(c: Context, queues: Queues) {
    this.#c = c;
    this.#queues = queues;
  }

  async send(queue: QueueRef, task: Task, o: { at?: Millis } = {}): Promise<void> {
    const DelaySeconds = o.at === undefined ? 0 : Math.max(0, Math.ceil((o.at - this.#c.clock.now()) / 1000));
    if (DelaySeconds > MAX_DELAY_SECONDS) return;
    const MessageBody = await writeTask(this.#c.blobs, queue.workspace, task);
    for (let tries = 0; tries < 2; tries++) {
      const QueueUrl = await this.#queues.url(queue);
      if (QueueUrl === null) break;
      try {
        const MessageAttributes = attributesOf(queue);
        const input = { QueueUrl, MessageBody, MessageAttributes, ...(DelaySeconds > 0 && { DelaySeconds }) };
        await this.#c.clients.sqs.send(new SendMessageCommand(input));
        return;
      } catch (error) {
        if (!isMissing(error)) throw error;
        this.#queues.forget(queue); // deleted since its URL was cached, perhaps created again
      }
    }
    const { workspace, deployment } = queue;
    this.#c.log.warn("task dropped: its deployment has no queue until one of its workers registers", {
      workspace,
      deployment,
      task: task.kind,
      execution: task.execution,
    });
  }

  async receive(queue: QueueRef, p: { max: number; waitMs: Millis; signal?: AbortSignal }): Promise<Delivery[]> {
    return (await import("./task-receiving.ts")).receiveTasks(this.#c, this.#queues, queue, p);
  }

  async extend(workspace: string, receipts: readonly string[], leaseMs: Millis): Promise<string[]> {
    const seconds = Math.min(MAX_VISIBILITY_SECONDS, Math.max(0, Math.ceil(leaseMs / 1000)));
    return this.#inBatches(workspace, receipts, async (QueueUrl, entries) => {
      const Entries = entries.map((e) => ({ ...e, VisibilityTimeout: seconds }));
      const input = { QueueUrl, Entries };
      return (await this.#c.clients.sqs.send(new ChangeMessageVisibilityBatchCommand(input))).Failed;
    });
  }

  async finish(workspace: string, receipts: readonly string[]): Promise<void> {
    await this.#inBatches(workspace, receipts, async (QueueUrl, Entries) => {
      return (await this.#c.clients.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))).Failed;
    });
  }

  async load(workspace: string, name: string): Promise<Task | null> {
    const { loadTask } = await reading();
    return loadTask(this.#c.blobs, workspace, name);
  }

  /** Groups the receipts by queue. Answers those that SQS refused, or whose queue does not exist. */
  async #inBatches(
    workspace: string,
    receipts: readonly string[],
    call: (queueUrl: string, entries: ReceiptEntry[]) => Promise<readonly FailedEntry[] | undefined>,
  ): Promise<string[]> {
    const refused: string[] = [];
    const groups = Map.groupBy(receipts, (receipt) => receipt.split("/", 2).join("/"));
    for (const [place, group] of groups) {
      const [kind = "", deployment = ""] = place.split("/");
      const known = (kind === "workflow" || kind === "activity") && deployment !== "";
      const queue = { workspace, deployment, queue: kind as QueueRef["queue"] };
      const QueueUrl = known ? await this.#queues.url(queue) : null;
      if (QueueUrl === null) {
        refused.push(...group);
        continue;
      }
      const handleOf = (receipt: string) => receipt.slice(place.length + 1);
      const callQueue = (entries: ReceiptEntry[]) =>
        call(QueueUrl, entries).catch((error): FailedEntry[] => {
          if (!isMissing(error)) throw error;
          this.#queues.forget(queue);
          return entries; // the queue was deleted, and every lease in it with the queue
        });
      refused.push(...(await callInBatches(group, handleOf, callQueue)));
    }
    return refused;
  }
}
