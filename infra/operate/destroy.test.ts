// Taking a stack down, with AWS played by the answers that it documents; `test/emulator/wiring.test.ts` does it for real.
import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { type Clients, destroy, findDoomed } from "./destroy.ts";

type Answer = (call: string, input: Record<string, unknown>) => unknown;

/** Clients whose requests are answered here and never sent. */
function playing(answer: Answer): Clients {
  const config = { region: "eu-west-1", credentials: { accessKeyId: "x", secretAccessKey: "x" } };
  const clients = {
    cloudFormation: new CloudFormationClient(config),
    s3: new S3Client(config),
    sqs: new SQSClient(config),
  };
  for (const { middlewareStack } of Object.values(clients)) {
    (middlewareStack as CloudFormationClient["middlewareStack"]).add(
      (_next, { commandName = "" }) =>
        async ({ input }) => ({
          output: { $metadata: {}, ...(answer(commandName.replace(/Command$/, ""), { ...input }) as object) } as never,
          response: {},
        }),
      { step: "initialize", priority: "high" },
    );
  }
  return clients;
}

const BUCKET = { ResourceType: "AWS::S3::Bucket", PhysicalResourceId: "payloads", ResourceStatus: "CREATE_COMPLETE" };
const described = (status: string, reason?: string) => ({
  Stacks: [{ StackName: "Sirocco", StackId: "arn:sirocco", StackStatus: status, StackStatusReason: reason }],
});

describe("taking an installation down", () => {
  it("empties the bucket again and goes on when a handler had written to it meanwhile", async () => {
    const deleted: unknown[] = [];
    let rounds = 0;
    const clients = playing((call) => {
      if (call === "ListStackResources") return { StackResourceSummaries: [BUCKET] };
      if (call === "ListObjectsV2") return { Contents: [{ Key: `object-${rounds}` }] };
      if (call === "DeleteStack") rounds += 1;
      if (call === "DescribeStacks") return described(rounds < 2 ? "DELETE_FAILED" : "DELETE_COMPLETE");
      if (call === "DeleteObjects") deleted.push(rounds);
      return {};
    });
    const steps: string[] = [];
    await destroy(clients, described("CREATE_COMPLETE").Stacks[0]! as never, (step) => steps.push(step));
    expect(deleted).toEqual([0, 1]);
    expect(steps).toContain("deleted the stack Sirocco");
  });

  it("says what CloudFormation said when the stack does not go, and deletes no queue of a stack that still works", async () => {
    const calls: string[] = [];
    const clients = playing((call) => {
      calls.push(call);
      if (call === "ListStackResources") return { StackResourceSummaries: [] };
      return call === "DescribeStacks" ? described("DELETE_FAILED", "The following resource(s) failed: [Api]") : {};
    });
    const failing = destroy(clients, described("CREATE_COMPLETE").Stacks[0]! as never, () => {});
    await expect(failing).rejects.toThrow(/Sirocco.*failed: \[Api\].*npm run destroy/s);
    expect(calls).not.toContain("ListQueues");
  });

  it("finds queues beyond the first thousand, which SQS tells only to those who ask for pages", async () => {
    const gone: unknown[] = [];
    const clients = playing((call, input) => {
      if (call === "ListStackResources") return { StackResourceSummaries: [] };
      if (call === "DescribeStacks") return described("DELETE_COMPLETE");
      if (call === "DeleteQueue") gone.push(input.QueueUrl);
      if (call !== "ListQueues") return {};
      if (input.NextToken) return { QueueUrls: ["second"] };
      return { QueueUrls: ["first"], ...(input.MaxResults ? { NextToken: "more" } : {}) };
    });
    await destroy(clients, described("CREATE_COMPLETE").Stacks[0]! as never, () => {});
    expect(gone).toEqual(["first", "second"]);
  });

  it("goes no further than a stack that is protected or absent", async () => {
    const protecting = playing(() => ({ Stacks: [{ StackName: "Sirocco", EnableTerminationProtection: true }] }));
    await expect(findDoomed(protecting, "Sirocco")).rejects.toThrow(/protected.*removalPolicy=destroy/);
    await expect(
      findDoomed(
        playing(() => ({ Stacks: [] })),
        "Sirocco",
      ),
    ).rejects.toThrow(/There is no stack/);
  });
});
