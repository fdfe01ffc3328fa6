/** Invokes this function again, without waiting for it: one signed request, instead of the client for Lambda, a further package. */
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";

const TIMEOUT_MS = 5_000;

/** @throws Error unless Lambda has accepted the event. */
export async function invokeAgain(dynamo: DynamoDBClient, event: unknown): Promise<void> {
  const name = process.env.AWS_LAMBDA_FUNCTION_NAME;
  if (!name) throw new Error("AWS_LAMBDA_FUNCTION_NAME is not set: this process is no Lambda function");
  const region = await dynamo.config.region();
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const { protocol, host, hostname, port } = new URL(
    process.env.AWS_ENDPOINT_URL ?? `https://lambda.${region}.${domain}`,
  );
  const path = `/2015-03-31/functions/${name}/invocations`;
  const body = JSON.stringify(event);
  const request = {
    ...{ method: "POST", protocol, hostname, path, query: {}, body },
    ...(port !== "" && { port: Number(port) }),
    headers: { host, "content-type": "application/json", "x-amz-invocation-type": "Event" },
  };
  const signer = await dynamo.config.signer();
  const { headers } = await signer.sign(request as never, { signingService: "lambda" });
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await fetch(`${protocol}//${host}${path}`, { method: "POST", headers, body, signal });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`Lambda did not take an event for ${name}: ${answer.status} ${text.slice(0, 300)}`);
}
