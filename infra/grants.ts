// Adds the rights of `ACCESS` to the functions as policies and environment variables.
import { Stack, Validations } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { CfnBucket, IBucket } from "aws-cdk-lib/aws-s3";
import { ENV, INDEXES } from "../shared/aws/names.ts";
import { type Access, type Level, READ_ACTIONS, WRITE_ACTIONS } from "./access.ts";
import type { Handler } from "./constructs/handler.ts";
import type { Scheduling } from "./constructs/scheduling.ts";
import type { Tables } from "./constructs/tables.ts";
import type { TaskQueues } from "./constructs/task-queues.ts";

export interface Resources {
  readonly tables: Tables;
  readonly payloads: IBucket;
  readonly tasks: TaskQueues;
  readonly scheduling: Scheduling;
}

export function grant(handler: Handler, access: Access, { tables, payloads, tasks, scheduling }: Resources): void {
  const due = access.due ? [INDEXES.due.name] : [];
  const ofExecutions = [INDEXES.runs.name, ...due, ...(access.inputs ? [INDEXES.inputs.name] : [])];
  grantTable(handler, access.executions, tables.executions, ENV.executionsTable, ofExecutions);
  grantTable(handler, access.registry, tables.registry, ENV.registryTable, []);
  grantTable(handler, access.schedules, tables.schedules, ENV.schedulesTable, due);
  grantTable(handler, access.feed, tables.feed, ENV.feedTable, []);
  if (access.payloads) grantObjects(handler, access.payloads, payloads);
  if (access.tasks?.includes("send")) tasks.grantSend(handler);
  if (access.tasks?.includes("return")) tasks.grantReturn(handler);
  if (access.tasks?.includes("create")) tasks.grantCreate(handler);
  if (access.arm) scheduling.grantArm(handler);
}

/** Names each index, so that no policy needs a wildcard. */
function grantTable(
  handler: Handler,
  level: Level | undefined,
  table: ITable,
  env: Parameters<Handler["setEnv"]>[0],
  indexes: string[],
) {
  if (!level) return;
  const arns = [table.tableArn, ...indexes.map((index) => `${table.tableArn}/index/${index}`)];
  handler.allow(level === "read" ? READ_ACTIONS : WRITE_ACTIONS, arns);
  handler.setEnv(env, table.tableName);
}

function grantObjects(handler: Handler, level: NonNullable<Access["payloads"]>, bucket: IBucket) {
  const objects = bucket.arnForObjects("*");
  handler.allow(["s3:GetObject"], [objects]);
  // No function lists objects. Without this right S3 answers 403 for an expired object, and with it 404.
  handler.allow(["s3:ListBucket"], [bucket.bucketArn]);
  // The payloads of a closed execution expire by their tag. Only a deletion deletes objects.
  if (level !== "read") handler.allow(["s3:PutObject", "s3:PutObjectTagging"], [objects]);
  if (level === "erase") handler.allow(["s3:DeleteObject"], [objects]);
  handler.setEnv(ENV.payloadBucket, bucket.bucketName);
  const stack = Stack.of(bucket);
  const own = bucket.node.defaultChild as CfnBucket | undefined;
  const arn = own
    ? `<${stack.resolve(stack.getLogicalId(own))}.Arn>`
    : `arn:<AWS::Partition>:s3:::${bucket.bucketName}`;
  Validations.of(handler).acknowledge({
    id: `AwsSolutions-IAM5[Resource::${arn}/*]`,
    reason: "Keys of payloads are digests of their content: the ARN covers every object of this bucket.",
  });
}
