/**
 * Task queues over SQS. Visibility is the lease, the receive count is the attempt.
 *
 * `key` and `prefer` mean nothing here: SQS joins no messages and picks no receiver, and a task too many is harmless (PORT-4).
 * A task larger than a message (`task-body.ts`) waits in S3. A receipt is `<queue>/<deployment>/<SQS's own handle>`: whoever gives it back has to belong to the workspace whose
 * queue that is, or SQS does not know the handle.
 */
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
} from "@aws-sdk/client-sqs";
import type { QueueRef, Tasks } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Delivery, Task } from "../protocol/worker.ts";
import type { Context } from "./context.ts";
import { isMissing, type Queues } from "./queues.ts";
import { attributesOf, writeTask } from "./task-body.ts";

/** Loaded at its first use: workers receive from SQS themselves. */
const reading = () => import("./task-reading.ts");

/** SQS delays a message by 15 minutes at most; the sweeper sees to what is due later. */
const MAX_DELAY_SECONDS = 900;
const MAX_VISIBILITY_SECONDS = 12 * 3_600;
const MAX_WAIT_SECONDS = 20;
const BATCH = 10;

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
        this.#queues.forget(queue); // deleted since its address was learnt; perhaps made again
      }
    }
    const { workspace, deployment } = queue;
    this.#c.log.warn("a task was dropped: its deployment has no queue, until one of its workers registers", {
      workspace,
      deployment,
      task: task.kind,
      execution: task.execution,
    });
  }

  async receive(queue: QueueRef, p: { max: number; waitMs: Millis; signal?: AbortSignal }): Promise<Delivery[]> {
    const until = this.#c.clock.now() + p.waitMs;
    for (;;) {
      if (p.signal?.aborted) return [];
      const QueueUrl = await this.#queues.url(queue);
      if (QueueUrl === null) return [];
      const left = Math.ceil((until - this.#c.clock.now()) / 1000);
      const messages = await this.#receiveOnce(queue, QueueUrl, p, Math.max(0, Math.min(MAX_WAIT_SECONDS, left)));
      if (messages.length > 0 || this.#c.clock.now() >= until) return this.#deliveries(queue, QueueUrl, messages);
    }
  }

  async #receiveOnce(queue: QueueRef, QueueUrl: string, p: { max: number; signal?: AbortSignal }, wait: number) {
    try {
      const answer = await this.#c.clients.sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: Math.min(BATCH, p.max),
          WaitTimeSeconds: wait,
          VisibilityTimeout: Math.max(1, Math.ceil(this.#c.settings.leaseMs / 1000)),
          MessageSystemAttributeNames: ["ApproximateReceiveCount"],
        }),
        p.signal ? { abortSignal: p.signal } : {},
      );
      return answer.Messages ?? [];
    } catch (error) {
      if (p.signal?.aborted) return []; // what SQS had chosen by then appears again when its lease lapses
      if (!isMissing(error)) throw error;
      this.#queues.forget(queue);
      return [];
    }
  }

  async #deliveries(queue: QueueRef, QueueUrl: string, messages: readonly Message[]): Promise<Delivery[]> {
    const deliveries: Delivery[] = [];
    for (const message of messages) {
      try {
        deliveries.push({
          receipt: `${queue.queue}/${queue.deployment}/${message.ReceiptHandle}`,
          attempt: Number(message.Attributes?.ApproximateReceiveCount ?? 1),
          task: await (await reading()).readTask(this.#c.blobs, queue.workspace, message.Body ?? ""),
        });
      } catch (error) {
        // Not ours, or of a newer version: it goes to the dead letters by itself.
        this.#c.log.error("a message is no task", { QueueUrl, messageId: message.MessageId, error });
      }
    }
    return deliveries;
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

  /** Ten at a time, each queue apart. Answers the receipts that SQS did not accept. */
  async #inBatches(
    workspace: string,
    receipts: readonly string[],
    call: (
      queueUrl: string,
      entries: { Id: string; ReceiptHandle: string }[],
    ) => Promise<readonly { Id?: string | undefined; SenderFault?: boolean | undefined }[] | undefined>,
  ): Promise<string[]> {
    const lost: string[] = [];
    const groups = Map.groupBy(receipts, (receipt) => receipt.split("/", 2).join("/"));
    for (const [place, group] of groups) {
      const [kind = "", deployment = ""] = place.split("/");
      const known = (kind === "workflow" || kind === "activity") && deployment !== "";
      const queue = { workspace, deployment, queue: kind as QueueRef["queue"] };
      const QueueUrl = known ? await this.#queues.url(queue) : null;
      if (QueueUrl === null) {
        lost.push(...group);
        continue;
      }
      for (let i = 0; i < group.length; i += BATCH) {
        const some = group.slice(i, i + BATCH);
        const entries = some.map((receipt, n) => ({ Id: String(n), ReceiptHandle: receipt.slice(place.length + 1) }));
        try {
          const failed = await call(QueueUrl, entries);
          // What failed through no fault of ours (a throttle) is still held: the next round tries again.
          for (const f of failed ?? []) if (f.SenderFault !== false) lost.push(some[Number(f.Id)]!);
        } catch (error) {
          if (!isMissing(error)) throw error;
          this.#queues.forget(queue);
          lost.push(...some);
        }
      }
    }
    return lost;
  }
}
