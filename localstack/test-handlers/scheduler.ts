// Answers a wake-up with a further message, delayed by a second, as the real handler does. Writes an item for the second one.
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { ENV, env, type SqsEvent, writeItem } from "./probe.ts";

const sqs = new SQSClient();

export const handler = async ({ Records }: SqsEvent) => {
  for (const { body } of Records) {
    const { kind, id } = JSON.parse(body) as { kind: "wake" | "fire"; id: string };
    if (kind === "fire") await writeItem(ENV.schedulesTable, "fired", id);
    else {
      const MessageBody = JSON.stringify({ kind: "fire", id });
      await sqs.send(new SendMessageCommand({ QueueUrl: env(ENV.scheduleQueueUrl), MessageBody, DelaySeconds: 1 }));
    }
  }
  return { batchItemFailures: [] };
};
