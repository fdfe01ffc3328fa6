import { expect, test } from "vitest";
import { memoryClients } from "../../test/support/memory-dynamo.ts";
import { ensureQueue } from "./queue-setup.ts";

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
