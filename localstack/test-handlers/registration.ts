// May read executions and write the registry; tries the opposite as well.
import { PutItemCommand, QueryCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { dynamo, ENV, env, json, leave, type RestEvent, verdict } from "./probe.ts";

export const handler = async ({ path }: RestEvent) => {
  const executions = env(ENV.executionsTable);
  const ExpressionAttributeValues = { ":pk": { S: "probe" } };
  return json(200, {
    function: "registration",
    path,
    environment: Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("SIROCCO_"))),
    writeRegistry: await verdict(leave(ENV.registryTable, "probe", "registration")),
    readExecutions: await verdict(
      dynamo.send(
        new QueryCommand({ TableName: executions, KeyConditionExpression: "pk = :pk", ExpressionAttributeValues }),
      ),
    ),
    queryRuns: await verdict(
      dynamo.send(
        new QueryCommand({
          TableName: executions,
          IndexName: "runs",
          KeyConditionExpression: "runs_shard = :pk",
          ExpressionAttributeValues,
        }),
      ),
    ),
    writeExecutions: await verdict(
      dynamo.send(new PutItemCommand({ TableName: executions, Item: { pk: { S: "probe" }, sk: { S: "forbidden" } } })),
    ),
    scanRegistry: await verdict(dynamo.send(new ScanCommand({ TableName: env(ENV.registryTable) }))),
  });
};
