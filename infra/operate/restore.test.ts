import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { expect, test } from "vitest";
import { type Clients, restore, timeOf } from "./restore.ts";

const OUTPUTS = {
  ExecutionsTable: "ex",
  RegistryTable: "re",
  SchedulesTable: "sc",
  FeedTable: "fe",
  PayloadBucket: "payloads",
};

/** An account whose restores take two looks each. `there`: tables that an earlier call has restored. */
function account(outputs: Record<string, string> = OUTPUTS, there: readonly string[] = []) {
  const calls: [string, Record<string, unknown>][] = [];
  const looks = new Map<string, number>(there.map((name) => [name, 2]));
  const streams = new Set<string>();
  const answer = (call: string, input: Record<string, unknown>): object => {
    const name = String(input.TableName ?? input.TargetTableName ?? "");
    if (call !== "DescribeTable") calls.push([call, input]);
    if (call === "DescribeStacks") {
      return {
        Stacks: [{ Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })) }],
      };
    }
    if (call === "RestoreTableToPointInTime") looks.set(name, 0);
    if (call === "UpdateTable") streams.add(name);
    if (call === "DescribeTable") {
      const seen = looks.get(name);
      if (seen === undefined) throw Object.assign(new Error("none"), { name: "ResourceNotFoundException" });
      looks.set(name, seen + 1);
      const StreamSpecification = { StreamEnabled: streams.has(name) };
      const Table = {
        TableStatus: seen < 2 ? "CREATING" : "ACTIVE",
        StreamSpecification,
        LatestStreamArn: `stream of ${name}`,
      };
      return { Table };
    }
    return {};
  };
  const config = { region: "eu-west-1", credentials: { accessKeyId: "x", secretAccessKey: "x" } };
  const clients: Clients = { cloudFormation: new CloudFormationClient(config), dynamo: new DynamoDBClient(config) };
  for (const { middlewareStack } of Object.values(clients)) {
    (middlewareStack as CloudFormationClient["middlewareStack"]).add(
      (_next, { commandName = "" }) =>
        async ({ input }) => ({
          output: { $metadata: {}, ...answer(commandName.replace(/Command$/, ""), { ...input }) } as never,
          response: {},
        }),
      { step: "initialize", priority: "high" },
    );
  }
  return { clients, calls };
}

const AT = new Date("2026-11-28T12:00:00.750Z");
const settings = {
  existingExecutions: "ex-20261128T120000",
  existingRegistry: "re-20261128T120000",
  existingSchedules: "sc-20261128T120000",
  existingFeed: "fe-20261128T120000",
  existingExecutionsStreamArn: "stream of ex-20261128T120000",
  existingPayloads: "payloads",
};
const run = (clients: Clients) =>
  restore(
    clients,
    "Sirocco",
    AT,
    () => {},
    async () => {},
  );

test("a restore brings all tables to one second, with stream, expiry and backups, and answers the settings for them", async () => {
  const { clients, calls } = account();
  expect(await run(clients)).toEqual(settings);
  const of = (call: string) => calls.filter(([name]) => name === call).map(([, input]) => input);
  const restored = of("RestoreTableToPointInTime");
  expect(restored.map(({ SourceTableName }) => SourceTableName)).toEqual(["ex", "re", "sc", "fe"]);
  for (const { RestoreDateTime } of restored) expect(RestoreDateTime).toEqual(new Date("2026-11-28T12:00:00Z"));
  expect(of("UpdateTable")).toEqual([
    {
      TableName: "ex-20261128T120000",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
    },
  ]);
  expect(of("UpdateTimeToLive")).toHaveLength(4);
  expect(of("UpdateContinuousBackups")).toHaveLength(4);
});

test("a restore that was cut off goes on", async () => {
  const { clients, calls } = account(OUTPUTS, ["ex-20261128T120000", "re-20261128T120000"]);
  expect(await run(clients)).toEqual(settings);
  expect(calls.filter(([name]) => name === "RestoreTableToPointInTime")).toHaveLength(2);
});

test("a stack that is no installation is refused before anything is restored", async () => {
  const { clients, calls } = account({ ApiUrl: "x" });
  await expect(run(clients)).rejects.toThrow(/"Sirocco" has no output ExecutionsTable/);
  expect(calls.map(([name]) => name)).toEqual(["DescribeStacks"]);
});

test("a time without a zone, too young or too old is refused with what to name", () => {
  const now = Date.parse("2026-11-28T13:00:00Z");
  expect(timeOf("2026-11-28T12:00:00Z", now)).toEqual(new Date("2026-11-28T12:00:00Z"));
  for (const wrong of [undefined, "yesterday", "2026-11-28T12:00:00"])
    expect(() => timeOf(wrong, now)).toThrow(/with its zone/);
  expect(() => timeOf("2026-11-28T12:59:00Z", now)).toThrow(/five minutes/);
  expect(() => timeOf("2026-10-01T12:00:00Z", now)).toThrow(/35 days/);
});
