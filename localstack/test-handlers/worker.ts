// Registers a deployment as the real handler does: creates its queue and answers credentials for that queue alone.
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import middy from "@middy/core";
import { executionModeStreamifyResponse } from "@middy/core/StreamifyResponse";
import { ENV, env, json, outcomeOf } from "./probe.ts";

const sqs = new SQSClient();
const sts = new STSClient();

interface UrlEvent {
  readonly rawPath: string;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

const register = async ({ rawPath, body = "{}", isBase64Encoded }: UrlEvent) => {
  const text = isBase64Encoded ? Buffer.from(body, "base64").toString() : body;
  const { deployment } = JSON.parse(text) as { deployment: string };
  const prefix = env(ENV.taskQueuePrefix);
  const Attributes = {
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: env(ENV.taskDeadLettersArn), maxReceiveCount: 1 }),
  };
  const QueueName = `${prefix}default-${deployment}-workflow`;
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({ QueueName, Attributes, tags: { sirocco: "task-queue" } }),
  );
  // Derived from the ARN of the dead-letter queue, as in the real handler, which has no right to ask SQS for it.
  const Resource = env(ENV.taskDeadLettersArn).replace(/[^:]+$/, QueueName);
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage"], Resource }],
  });
  const assumed = await sts.send(
    new AssumeRoleCommand({
      RoleArn: env(ENV.workerRoleArn),
      RoleSessionName: deployment,
      Policy,
      DurationSeconds: 900,
    }),
  );
  return json(200, {
    path: rawPath,
    queueUrl: QueueUrl,
    queueOutsideThePrefix: await outcomeOf(sqs.send(new CreateQueueCommand({ QueueName: `not-${QueueName}` }))),
    credentials: assumed.Credentials,
  });
};

export const handler = middy<UrlEvent>({ executionMode: executionModeStreamifyResponse }).handler(register);
