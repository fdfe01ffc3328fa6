/**
 * Small handlers that `test/emulator/wiring.test.ts` deploys instead of the real ones. Each makes the calls of the real
 * handler with the same role, environment and event source, and shows their results. They contain no workflow code.
 */
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { ENV, type EnvName } from "../../shared/aws/names.ts";

export const env = (name: EnvName): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: infra/access.ts gives this function no right on that resource`);
  return value;
};

export const dynamo = new DynamoDBClient();

/** Writes an item that a test looks for. */
export async function writeItem(table: EnvName, pk: string, sk: string, note = ""): Promise<void> {
  await dynamo.send(
    new PutItemCommand({ TableName: env(table), Item: { pk: { S: pk }, sk: { S: sk }, note: { S: note } } }),
  );
}

/** Answers `allowed`, or the name of the error with which `attempt` rejects. */
export async function outcomeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => "allowed",
    (error: Error) => error.name,
  );
}

/** The fields of an API Gateway REST event that the handlers use. */
export interface RestEvent {
  readonly httpMethod: string;
  readonly path: string;
  readonly body: string | null;
  readonly headers: Record<string, string>;
}

/** The fields of an SQS event that the handlers use. */
export interface SqsEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
}

export const json = (statusCode: number, body: unknown) => ({
  statusCode,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

export { ENV };
