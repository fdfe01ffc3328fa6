/**
 * Small handlers that tests of the wiring deploy in place of the real ones: each does through its role, environment
 * and event source what the real handler will do, and shows what came of it. They know nothing of workflows.
 */
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { ENV, type EnvName } from "../../shared/aws/names.ts";

export const env = (name: EnvName): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: infra/access.ts gives this function no right that brings it`);
  return value;
};

export const dynamo = new DynamoDBClient();

/** Leaves a trace in a table. */
export async function leave(table: EnvName, pk: string, sk: string, note = ""): Promise<void> {
  await dynamo.send(
    new PutItemCommand({ TableName: env(table), Item: { pk: { S: pk }, sk: { S: sk }, note: { S: note } } }),
  );
}

/** Answers the name of the error that `attempt` ends with, or `allowed`. */
export async function verdict(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => "allowed",
    (error: Error) => error.name,
  );
}

/** As much as the probes use of an API Gateway REST event. */
export interface RestEvent {
  readonly httpMethod: string;
  readonly path: string;
  readonly body: string | null;
  readonly headers: Record<string, string>;
}

/** As much as the probes use of an SQS event. */
export interface SqsEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
}

export const json = (statusCode: number, body: unknown) => ({
  statusCode,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

export { ENV };
