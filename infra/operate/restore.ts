/**
 * `npm run restore -- <time>` restores the four tables of an installation to that time, beside it, and prints the settings with which
 * a stack uses them. It changes nothing in the tables and the stack that are there.
 *
 * RESTORE-1. Every table is restored to one and the same second, so that no table knows of what another does not.
 * RESTORE-2. DynamoDB restores items and indexes. The change stream, the expiry of items and further restores are switched on
 *     here, before the settings are printed: without the stream no event would reach the feed.
 */
import { parseArgs } from "node:util";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import {
  DescribeTableCommand,
  DynamoDBClient,
  RestoreTableToPointInTimeCommand,
  type TableDescription,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { KEYS } from "../../shared/aws/names.ts";
import { realClock } from "../../shared/lib/clock.ts";
import { Refused, runScript } from "./script.ts";

export interface Clients {
  readonly cloudFormation: CloudFormationClient;
  readonly dynamo: DynamoDBClient;
}

/** Output of the stack, and the setting that names the restored table. */
const TABLES = {
  ExecutionsTable: "existingExecutions",
  RegistryTable: "existingRegistry",
  SchedulesTable: "existingSchedules",
  FeedTable: "existingFeed",
} as const;
type Output = keyof typeof TABLES;

const POLL_MS = 5_000;

/** Answers the settings, in the order in which they are printed. */
export async function restore(
  clients: Clients,
  stackName: string,
  at: Date,
  say: (step: string) => void,
  pause: () => Promise<void>,
): Promise<Record<string, string>> {
  const outputs = await outputsOf(clients.cloudFormation, stackName);
  const second = new Date(Math.floor(at.getTime() / 1_000) * 1_000);
  const suffix = second.toISOString().slice(0, 19).replace(/[-:]/g, "");
  const names = Object.keys(TABLES) as Output[];
  const copies = Object.fromEntries(names.map((output) => [output, `${outputs.get(output)}-${suffix}`]));
  for (const output of names) {
    const found = await described(clients.dynamo, copies[output]!);
    if (found) continue; // of an earlier call that was cut off
    say(`restoring ${outputs.get(output)} to ${copies[output]}`);
    await clients.dynamo.send(
      new RestoreTableToPointInTimeCommand({
        SourceTableName: outputs.get(output),
        TargetTableName: copies[output],
        RestoreDateTime: second, // RESTORE-1
        BillingModeOverride: "PAY_PER_REQUEST",
      }),
    );
  }
  const settings: Record<string, string> = {};
  for (const output of names) settings[TABLES[output]] = copies[output]!;
  for (const output of names) {
    const stream = await made(clients.dynamo, copies[output]!, output === "ExecutionsTable", pause);
    say(`${copies[output]} is there`);
    if (stream) settings.existingExecutionsStreamArn = stream;
  }
  settings.existingPayloads = outputs.get("PayloadBucket")!;
  return settings;
}

async function outputsOf(client: CloudFormationClient, StackName: string): Promise<Map<string, string>> {
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName }));
  const outputs = new Map(
    Stacks[0]?.Outputs?.map(({ OutputKey, OutputValue }) => [OutputKey ?? "", OutputValue ?? ""]),
  );
  for (const name of [...Object.keys(TABLES), "PayloadBucket"]) {
    if (!outputs.get(name)) throw new Refused(`The stack "${StackName}" has no output ${name}: it is no installation.`);
  }
  return outputs;
}

async function described(dynamo: DynamoDBClient, TableName: string): Promise<TableDescription | undefined> {
  try {
    return (await dynamo.send(new DescribeTableCommand({ TableName }))).Table;
  } catch (error) {
    if ((error as Error).name === "ResourceNotFoundException") return undefined;
    throw error;
  }
}

/** RESTORE-2. Answers the ARN of the change stream, if the table is to have one. */
async function made(
  dynamo: DynamoDBClient,
  TableName: string,
  streams: boolean,
  pause: () => Promise<void>,
): Promise<string | undefined> {
  const active = async () => {
    for (;;) {
      const table = await described(dynamo, TableName);
      if (table?.TableStatus === "ACTIVE") return table;
      await pause();
    }
  };
  let table = await active();
  if (streams && !table.StreamSpecification?.StreamEnabled) {
    const StreamSpecification = { StreamEnabled: true, StreamViewType: "NEW_IMAGE" as const };
    await dynamo.send(new UpdateTableCommand({ TableName, StreamSpecification }));
    table = await active();
  }
  const TimeToLiveSpecification = { AttributeName: KEYS.ttl, Enabled: true };
  await dynamo.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification })).catch((error: Error) => {
    if (!/already enabled/i.test(error.message)) throw error;
  });
  const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true };
  await dynamo.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
  return streams ? table.LatestStreamArn : undefined;
}

/** @throws {Refused} for a time that no restore can have. */
export function timeOf(text: string | undefined, now: number): Date {
  const at = new Date(text ?? "");
  if (text === undefined || Number.isNaN(at.getTime()) || !/T.*(?:Z|[+-]\d\d:\d\d)$/.test(text))
    throw new Refused("Name the time with its zone: npm run restore -- 2026-11-28T12:00:00Z [--stack <name>]");
  if (at.getTime() > now - 5 * 60_000)
    throw new Refused("DynamoDB restores to times that are five minutes old or more.");
  if (at.getTime() < now - 35 * 86_400_000) throw new Refused("DynamoDB restores to times of the last 35 days.");
  return at;
}

if (import.meta.main)
  await runScript(async () => {
    const { values, positionals } = parseArgs({
      options: { stack: { type: "string", default: "Sirocco" } },
      allowPositionals: true,
    });
    const at = timeOf(positionals[0], realClock.now());
    const clients = { cloudFormation: new CloudFormationClient(), dynamo: new DynamoDBClient() };
    const pause = () => new Promise<void>((resolve) => setTimeout(resolve, POLL_MS));
    const settings = await restore(clients, values.stack, at, (step) => console.error(step), pause);
    console.log("Deploy with these settings, in cdk.json or on the command line:");
    console.log(
      `npm run deploy -- ${Object.entries(settings)
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(" ")}`,
    );
  });
