import { expect, test } from "vitest";
import { memoryClients } from "../../test/support/memory-dynamo.ts";
import { ensureQueue } from "./queue-setup.ts";

test("a deployment's queue is encrypted with SQS's own key, or with the key of the installation", async () => {
  const { sqs } = memoryClients();
  const sent: Record<string, string>[] = [];
  sqs.send = (async ({ input }: { input: { Attributes: Record<string, string> } }) => {
    sent.push(input.Attributes);
    return { QueueUrl: "url" };
  }) as never;
  const queue = { workspace: "w", deployment: "d", queue: "workflow" } as const;
  const keyArn = "arn:aws:kms:eu-west-1:123456789012:key/k";
  for (const options of [{}, { keyArn }])
    await ensureQueue(sqs, { prefix: "p-", ...options }, { queue, name: "p-d-1-workflow", leaseMs: 30_000 });
  expect(sent[0]).toMatchObject({ SqsManagedSseEnabled: "true" });
  expect(sent[0]).not.toHaveProperty("KmsMasterKeyId");
  expect(sent[1]).toMatchObject({ KmsMasterKeyId: keyArn });
  expect(sent[1]).not.toHaveProperty("SqsManagedSseEnabled"); // SQS refuses both
});

test("a deployment's queue refuses requests without TLS, as the stack's own queues do", async () => {
  const { sqs } = memoryClients();
  const sent: Record<string, string>[] = [];
  sqs.send = (async ({ input }: { input: { Attributes: Record<string, string> } }) => {
    sent.push(input.Attributes);
    return { QueueUrl: "url" };
  }) as never;
  const queue = { workspace: "w", deployment: "d", queue: "workflow" } as const;
  const deadLettersArn = "arn:aws:sqs:eu-west-1:123456789012:Sirocco-dead";
  await ensureQueue(sqs, { prefix: "p-", deadLettersArn }, { queue, name: "p-d-1-workflow", leaseMs: 30_000 });
  expect(JSON.parse(sent[0]!.Policy!).Statement).toEqual([
    {
      Effect: "Deny",
      Principal: "*",
      Action: "sqs:*",
      Resource: "arn:aws:sqs:eu-west-1:123456789012:p-d-1-workflow",
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ]);
});
