// Deletes a stack against canned answers of AWS. `test/emulator/wiring.test.ts` deletes one in the emulator.
import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { type Clients, destroy, findDeletableStack } from "./destroy.ts";

type Answer = (call: string, input: Record<string, unknown>) => unknown;

/** Clients that answer each request with `answer` and send none. */
function answeringWith(answer: Answer): Clients {
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

describe("deleting an installation", () => {
  it("empties the bucket again when a handler wrote to it in between, and then deletes the stack", async () => {
    const deleted: unknown[] = [];
    let rounds = 0;
    const clients = answeringWith((call, input) => {
      if (call === "ListStackResources") return { StackResourceSummaries: [BUCKET] };
      if (call === "ListObjectVersions" && !input.KeyMarker)
        return {
          Versions: [{ Key: "object", VersionId: `v${rounds}`, IsLatest: true }],
          IsTruncated: true,
          NextKeyMarker: "k",
        };
      if (call === "ListObjectVersions") return { DeleteMarkers: [{ Key: "object", VersionId: `gone-${rounds}` }] };
      if (call === "DeleteStack") rounds += 1;
      if (call === "DescribeStacks") return described(rounds < 2 ? "DELETE_FAILED" : "DELETE_COMPLETE");
      if (call === "DeleteObjects")
        deleted.push(
          ...(input.Delete as { Objects: { VersionId: string }[] }).Objects.map(({ VersionId }) => VersionId),
        );
      return {};
    });
    const steps: string[] = [];
    await destroy(clients, described("CREATE_COMPLETE").Stacks[0]! as never, (step) => steps.push(step));
    expect(deleted).toEqual(["v0", "gone-0", "v1", "gone-1"]);
    expect(steps).toContain("deleted 1 payloads");
    expect(steps).toContain("deleted the stack Sirocco");
  });

  it("reports CloudFormation's reason when the stack is not deleted, and deletes no queue of a stack that still works", async () => {
    const calls: string[] = [];
    const clients = answeringWith((call) => {
      calls.push(call);
      if (call === "ListStackResources") return { StackResourceSummaries: [] };
      return call === "DescribeStacks" ? described("DELETE_FAILED", "The following resource(s) failed: [Api]") : {};
    });
    const failing = destroy(clients, described("CREATE_COMPLETE").Stacks[0]! as never, () => {});
    await expect(failing).rejects.toThrow(/Sirocco.*failed: \[Api\].*npm run destroy/s);
    expect(calls).not.toContain("ListQueues");
  });

  it("finds queues beyond the first thousand, which SQS answers only page by page", async () => {
    const gone: unknown[] = [];
    const clients = answeringWith((call, input) => {
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

  it("refuses a stack whose tables stay when it is deleted, before it empties the bucket", async () => {
    const keeping = answeringWith((call) =>
      call === "GetTemplate"
        ? { TemplateBody: JSON.stringify({ Resources: { T: { DeletionPolicy: "RetainExceptOnCreate" } } }) }
        : described("CREATE_COMPLETE"),
    );
    await expect(findDeletableStack(keeping, "Sirocco")).rejects.toThrow(/keeps its data.*removalPolicy=destroy/);
    const deletable = answeringWith((call) =>
      call === "GetTemplate"
        ? { TemplateBody: JSON.stringify({ Resources: { T: { DeletionPolicy: "Delete" } } }) }
        : described("CREATE_COMPLETE"),
    );
    expect(await findDeletableStack(deletable, "Sirocco")).toMatchObject({ StackName: "Sirocco" });
  });

  it("refuses a stack that is protected or absent, and deletes nothing", async () => {
    const protectedStack = answeringWith(() => ({
      Stacks: [{ StackName: "Sirocco", EnableTerminationProtection: true }],
    }));
    await expect(findDeletableStack(protectedStack, "Sirocco")).rejects.toThrow(/protected.*removalPolicy=destroy/);
    await expect(
      findDeletableStack(
        answeringWith(() => ({ Stacks: [] })),
        "Sirocco",
      ),
    ).rejects.toThrow(/There is no stack/);
  });
});
