// Makes calls that its role allows (read executions, write the registry) and calls that it does not.
import { PutItemCommand, QueryCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { dynamo, ENV, env, json, outcomeOf, type RestEvent, writeItem } from "./probe.ts";

export const handler = async ({ path }: RestEvent) => {
  const executions = env(ENV.executionsTable);
  const ExpressionAttributeValues = { ":pk": { S: "probe" } };
  return json(200, {
    function: "registration",
    path,
    environment: Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("SIROCCO_"))),
    writeRegistry: await outcomeOf(writeItem(ENV.registryTable, "probe", "registration")),
    readExecutions: await outcomeOf(
      dynamo.send(
        new QueryCommand({ TableName: executions, KeyConditionExpression: "pk = :pk", ExpressionAttributeValues }),
      ),
    ),
    queryRuns: await outcomeOf(
      dynamo.send(
        new QueryCommand({
          TableName: executions,
          IndexName: "runs",
          KeyConditionExpression: "runs_shard = :pk",
          ExpressionAttributeValues,
        }),
      ),
    ),
    writeExecutions: await outcomeOf(
      dynamo.send(new PutItemCommand({ TableName: executions, Item: { pk: { S: "probe" }, sk: { S: "forbidden" } } })),
    ),
    scanRegistry: await outcomeOf(dynamo.send(new ScanCommand({ TableName: env(ENV.registryTable) }))),
  });
};
