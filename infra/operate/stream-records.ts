/** Calls of DynamoDB Streams: one signed request each, instead of its client, which is a further package. */
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { StreamRecord } from "../../shared/aws/feed-records.ts";

/** @throws Error with the name of AWS's error. */
export async function callStreams<T>(dynamo: DynamoDBClient, operation: string, input: unknown): Promise<T> {
  const { protocol, hostname, port } = await endpointOf(dynamo);
  const host = port ? `${hostname}:${port}` : hostname;
  const body = JSON.stringify(input);
  const signer = await dynamo.config.signer();
  const headers: Record<string, string> = {
    host,
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": `DynamoDBStreams_20120810.${operation}`,
  };
  const request = { method: "POST", protocol, hostname, port, path: "/", query: {}, headers, body };
  const signed = await signer.sign(request as never, { signingService: "dynamodb" });
  const answer = await fetch(`${protocol}//${host}/`, { method: "POST", headers: signed.headers, body });
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text) as T;
  const name = /"__type"\s*:\s*"(?:[^"]*#)?([^"]+)"/.exec(text)?.[1] ?? "Error";
  throw Object.assign(new Error(`${operation}: ${answer.status} ${text}`), { name });
}

async function endpointOf({ config }: DynamoDBClient) {
  const custom = process.env.AWS_ENDPOINT_URL;
  if (config.endpoint) return config.endpoint();
  if (custom) {
    const { protocol, hostname, port } = new URL(custom);
    return { protocol, hostname, port: port === "" ? undefined : Number(port) };
  }
  const region = await config.region();
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return { protocol: "https:", hostname: `streams.dynamodb.${region}.${domain}`, port: undefined };
}

/** What Lambda's poller tells of records that its function failed on. */
export interface BatchInfo {
  readonly streamArn: string;
  readonly shardId: string;
  readonly startSequenceNumber: string;
  readonly batchSize: number;
}

/** The records; null = they are older than the 24 hours for which a stream keeps them. */
export async function recordsOf(dynamo: DynamoDBClient, info: BatchInfo): Promise<StreamRecord[] | null> {
  const { streamArn: StreamArn, shardId: ShardId, startSequenceNumber: SequenceNumber } = info;
  const place = { StreamArn, ShardId, SequenceNumber, ShardIteratorType: "AT_SEQUENCE_NUMBER" };
  try {
    const { ShardIterator } = await callStreams<{ ShardIterator: string }>(dynamo, "GetShardIterator", place);
    const read = { ShardIterator, Limit: info.batchSize };
    return (await callStreams<{ Records: StreamRecord[] }>(dynamo, "GetRecords", read)).Records;
  } catch (error) {
    if ((error as Error).name === "TrimmedDataAccessException") return null;
    throw error;
  }
}
