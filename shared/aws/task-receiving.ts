/** Receives tasks for a worker that polls the server. Loaded at its first use: on AWS workers receive from SQS directly. */
import { type Message, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { SQS_BATCH } from "../lib/sqs-batch.ts";
import type { QueueRef } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Delivery } from "../protocol/worker.ts";
import type { Context } from "./context.ts";
import { isMissing } from "./missing-queue.ts";
import type { Queues } from "./queues.ts";
import { readTask } from "./task-reading.ts";

const MAX_WAIT_SECONDS = 20;
/** A long poll is answered within its wait and so many seconds. */
const ANSWER_SECONDS = 4;

export async function receiveTasks(
  c: Context,
  queues: Queues,
  queue: QueueRef,
  p: { max: number; waitMs: Millis; signal?: AbortSignal },
): Promise<Delivery[]> {
  const until = c.clock.now() + p.waitMs;
  for (;;) {
    if (p.signal?.aborted) return [];
    const QueueUrl = await queues.url(queue);
    if (QueueUrl === null) return [];
    const left = Math.ceil((until - c.clock.now()) / 1000);
    const messages = await receiveOnce(c, queues, {
      queue,
      QueueUrl,
      p,
      wait: Math.max(0, Math.min(MAX_WAIT_SECONDS, left)),
    });
    if (messages.length > 0 || c.clock.now() >= until) return deliveriesOf(c, queue, QueueUrl, messages);
  }
}

async function receiveOnce(
  c: Context,
  queues: Queues,
  {
    queue,
    QueueUrl,
    p,
    wait,
  }: { queue: QueueRef; QueueUrl: string; p: { max: number; signal?: AbortSignal }; wait: number },
) {
  try {
    const answer = await c.clients.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: Math.min(SQS_BATCH, p.max),
        WaitTimeSeconds: wait,
        VisibilityTimeout: Math.max(1, Math.ceil(c.settings.leaseMs / 1000)),
        MessageSystemAttributeNames: ["ApproximateReceiveCount"],
      }),
      { requestTimeout: (wait + ANSWER_SECONDS) * 1_000, ...(p.signal && { abortSignal: p.signal }) },
    );
    return answer.Messages ?? [];
  } catch (error) {
    if (p.signal?.aborted) return []; // SQS delivers the messages of an aborted receive again when their lease lapses
    if (!isMissing(error)) throw error;
    queues.forget(queue);
    return [];
  }
}

async function deliveriesOf(
  c: Context,
  queue: QueueRef,
  QueueUrl: string,
  messages: readonly Message[],
): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  for (const message of messages) {
    try {
      deliveries.push({
        receipt: `${queue.queue}/${queue.deployment}/${message.ReceiptHandle}`,
        attempt: Number(message.Attributes?.ApproximateReceiveCount ?? 1),
        task: await readTask(c.blobs, queue.workspace, message.Body ?? ""),
      });
    } catch (error) {
      // Written by another program or a newer version. SQS moves it to the dead-letter queue.
      c.log.error("message holds no task: it goes to the dead-letter queue", {
        queue_url: QueueUrl,
        message_id: message.MessageId,
        error,
      });
    }
  }
  return deliveries;
}
