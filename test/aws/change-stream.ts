/**
 * Reads the change stream of a table as Lambda's poller does: in order, and each batch again from its first failed record
 * until none fails.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { callStreams } from "../../infra/operate/stream-records.ts";
import { changeOf, type StreamRecord } from "../../shared/aws/feed-records.ts";
import type { Change } from "../../shared/server/aws.ts";

/** `pollMs`: pause between two polls of an empty stream. Lambda's poller waits 250 ms. */
export function pumpChanges(
  dynamo: DynamoDBClient,
  StreamArn: string,
  take: (changes: readonly Change[]) => Promise<string[]>,
  pollMs = 20,
): { stop(): Promise<void> } {
  let stopped = false;
  const run = async () => {
    const { StreamDescription } = await callStreams<{ StreamDescription: { Shards: { ShardId: string }[] } }>(
      dynamo,
      "DescribeStream",
      { StreamArn },
    );
    await Promise.all(StreamDescription.Shards.map(({ ShardId }) => follow(ShardId)));
  };
  const follow = async (ShardId: string) => {
    const first = { StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" };
    let { ShardIterator } = await callStreams<{ ShardIterator?: string }>(dynamo, "GetShardIterator", first);
    while (!stopped && ShardIterator) {
      const answer: { Records: StreamRecord[]; NextShardIterator?: string } = await callStreams(dynamo, "GetRecords", {
        ShardIterator,
        Limit: 100,
      });
      let changes = answer.Records.map(changeOf).filter((change) => change !== null);
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
    if (!stopped) console.error("the test's consumer of the change stream failed", error);
  });
  return {
    async stop() {
      stopped = true;
      await running.catch(() => {});
    },
  };
}
