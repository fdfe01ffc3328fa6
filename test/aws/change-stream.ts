/**
 * The change stream of a table, read as Lambda's poller reads it: in order, a batch again and again until it was taken
 * in, from the first record that was not.
 */
import { Buffer } from "node:buffer";
import { setTimeout as delay } from "node:timers/promises";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Change } from "../../shared/aws/index.ts";
import type { Item } from "../../shared/aws/table.ts";

interface StreamRecord {
  readonly eventName: "INSERT" | "MODIFY" | "REMOVE";
  readonly dynamodb: {
    readonly SequenceNumber: string;
    readonly ApproximateCreationDateTime: number;
    readonly NewImage?: Item;
  };
}

/** The client for streams is a package of its own; one signed request is all of it that is needed here. */
async function call<T>(dynamo: DynamoDBClient, operation: string, input: unknown): Promise<T> {
  const endpoint = await dynamo.config.endpoint!();
  const body = JSON.stringify(input);
  const signer = await dynamo.config.signer();
  const request = {
    method: "POST",
    protocol: endpoint.protocol,
    hostname: endpoint.hostname,
    port: endpoint.port,
    path: "/",
    query: {},
    headers: {
      host: `${endpoint.hostname}:${endpoint.port}`,
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `DynamoDBStreams_20120810.${operation}`,
    } as Record<string, string>,
    body,
  };
  const signed = await signer.sign(request as never, { signingService: "dynamodb" });
  const answer = await fetch(`${endpoint.protocol}//${endpoint.hostname}:${endpoint.port}/`, {
    method: "POST",
    headers: signed.headers,
    body,
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${operation}: ${answer.status} ${text}`);
  return JSON.parse(text) as T;
}

/** On the wire, binary is base64. */
function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([k, v]) => [
      k,
      k === "B" && typeof v === "string" ? Buffer.from(v, "base64") : revive(v),
    ]),
  );
}

/** `pollMs`: how long it waits before it looks again, as Lambda's poller does for 250 ms. */
export function pumpChanges(
  dynamo: DynamoDBClient,
  StreamArn: string,
  take: (changes: readonly Change[]) => Promise<string[]>,
  pollMs = 20,
): { stop(): Promise<void> } {
  let stopped = false;
  const run = async () => {
    const { StreamDescription } = await call<{ StreamDescription: { Shards: { ShardId: string }[] } }>(
      dynamo,
      "DescribeStream",
      { StreamArn },
    );
    await Promise.all(StreamDescription.Shards.map(({ ShardId }) => follow(ShardId)));
  };
  const follow = async (ShardId: string) => {
    const first = { StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" };
    let { ShardIterator } = await call<{ ShardIterator?: string }>(dynamo, "GetShardIterator", first);
    while (!stopped && ShardIterator) {
      const answer: { Records: StreamRecord[]; NextShardIterator?: string } = await call(dynamo, "GetRecords", {
        ShardIterator,
        Limit: 100,
      });
      let changes = answer.Records.filter((r) => r.eventName !== "REMOVE").map(
        (r): Change => ({
          id: r.dynamodb.SequenceNumber,
          at: r.dynamodb.ApproximateCreationDateTime * 1000,
          image: revive(r.dynamodb.NewImage) as Item,
        }),
      );
      while (changes.length > 0 && !stopped) {
        const failed = new Set(await take(changes));
        const again = changes.findIndex((change) => failed.has(change.id));
        changes = again < 0 ? [] : changes.slice(again);
      }
      ShardIterator = answer.NextShardIterator;
      if (answer.Records.length === 0 || pollMs > 20) await delay(pollMs);
    }
  };
  const running = run();
  running.catch((error) => {
    if (!stopped) console.error("the change stream of a test failed", error);
  });
  return {
    async stop() {
      stopped = true;
      await running.catch(() => {});
    },
  };
}
