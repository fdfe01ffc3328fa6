// A wake-up sends itself on, delayed by a second, as the last stretch to the exact time; the second arrival leaves a trace.
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { ENV, env, leave, type SqsEvent } from "./probe.ts";

const sqs = new SQSClient();

export const handler = async ({ Records }: SqsEvent) => {
  for (const { body } of Records) {
    const { kind, id } = JSON.parse(body) as { kind: "wake" | "fire"; id: string };
    if (kind === "fire") await leave(ENV.schedulesTable, "fired", id);
    else {
      const MessageBody = JSON.stringify({ kind: "fire", id });
      await sqs.send(new SendMessageCommand({ QueueUrl: env(ENV.scheduleQueueUrl), MessageBody, DelaySeconds: 1 }));
    }
  }
  return { batchItemFailures: [] };
};
