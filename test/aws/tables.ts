/** Creates the tables as the stack does, for tests that need the adapter alone. */
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
} from "@aws-sdk/client-dynamodb";
import { DUE_ATTRIBUTES, INDEXES, INPUTS_ATTRIBUTES, KEYS, RUNS_ATTRIBUTES } from "../../shared/aws/names.ts";

const keys = [
  { AttributeName: KEYS.partition, KeyType: "HASH" as const },
  { AttributeName: KEYS.sort, KeyType: "RANGE" as const },
];
const string = (AttributeName: string) => ({ AttributeName, AttributeType: "S" as const });
const number = (AttributeName: string) => ({ AttributeName, AttributeType: "N" as const });

function index({ name, partition, sort }: (typeof INDEXES)[keyof typeof INDEXES], attributes: readonly string[]) {
  return {
    IndexName: name,
    KeySchema: [
      { AttributeName: partition, KeyType: "HASH" as const },
      { AttributeName: sort, KeyType: "RANGE" as const },
    ],
    Projection:
      attributes.length > 0
        ? { ProjectionType: "INCLUDE" as const, NonKeyAttributes: [...attributes] }
        : { ProjectionType: "KEYS_ONLY" as const },
  };
}

export interface TableNames {
  readonly executions: string;
  readonly registry: string;
  readonly schedules: string;
  readonly feed: string;
}

/** The client repeats a call whose answer came too late on a busy machine: then the table is there already. */
async function create(dynamo: DynamoDBClient, table: CreateTableCommandInput) {
  try {
    return (await dynamo.send(new CreateTableCommand(table))).TableDescription;
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
    return (await dynamo.send(new DescribeTableCommand({ TableName: table.TableName }))).Table;
  }
}

/** Answers their names, and the ARN of the change stream of executions. */
export async function createTables(dynamo: DynamoDBClient, prefix: string): Promise<TableNames & { stream: string }> {
  const names = {
    executions: `${prefix}-executions`,
    registry: `${prefix}-registry`,
    schedules: `${prefix}-schedules`,
    feed: `${prefix}-feed`,
  };
  const { due, runs, inputs } = INDEXES;
  const base = [string(KEYS.partition), string(KEYS.sort)];
  const common = { BillingMode: "PAY_PER_REQUEST" as const, KeySchema: keys };
  const made = await create(dynamo, {
    ...common,
    TableName: names.executions,
    AttributeDefinitions: [
      ...base,
      string(due.partition),
      number(due.sort),
      string(runs.partition),
      number(runs.sort),
      string(inputs.partition),
      number(inputs.sort),
    ],
    GlobalSecondaryIndexes: [
      index(due, DUE_ATTRIBUTES),
      index(runs, RUNS_ATTRIBUTES),
      index(inputs, INPUTS_ATTRIBUTES),
    ],
    StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
  });
  await create(dynamo, {
    ...common,
    TableName: names.schedules,
    AttributeDefinitions: [...base, string(due.partition), number(due.sort)],
    GlobalSecondaryIndexes: [index(due, [])],
  });
  for (const TableName of [names.registry, names.feed])
    await create(dynamo, { ...common, TableName, AttributeDefinitions: base });
  return { ...names, stream: made!.LatestStreamArn! };
}
