import { expect, test } from "vitest";
import type { Key } from "../../shared/aws/table.ts";
import { type Refilling, refill } from "./feed.ts";

const QUEUE = "https://queue";
const info = { streamArn: "s", shardId: "shard-1", startSequenceNumber: "7", batchSize: 2 };
const record = (n: number) => ({
  eventName: "INSERT",
  dynamodb: {
    SequenceNumber: String(n),
    ApproximateCreationDateTime: 1,
    NewImage: { pk: { S: "w#x" }, sk: { S: `LOG#run#0000000${n}` } },
  },
});

/** A queue with these messages. */
function queue(bodies: readonly string[]) {
  const left = bodies.map((Body, i) => ({ Body, ReceiptHandle: String(i) }));
  const received = new Set<string>();
  const deleted: string[] = [];
  const send = async (command: { constructor: { name: string }; input: { ReceiptHandle?: string } }) => {
    if (command.constructor.name === "DeleteMessageCommand") deleted.push(command.input.ReceiptHandle!);
    if (command.constructor.name !== "ReceiveMessageCommand") return {};
    const Messages = left.filter(({ ReceiptHandle }) => !received.has(ReceiptHandle)).slice(0, 2);
    for (const { ReceiptHandle } of Messages) received.add(ReceiptHandle);
    return { Messages };
  };
  return { sqs: { send } as unknown as Refilling["sqs"], deleted };
}

test("fills in both sorts of messages, and deletes those that are done", async () => {
  const keys: Key[] = [
    { pk: "w#a", sk: "LOG#r#00000002" },
    { pk: "w#b", sk: "RUN#r" },
    { pk: "w#c", sk: "LOG#r#00000003" },
  ];
  const { sqs, deleted } = queue([
    ...keys.map((from) => JSON.stringify({ from, at: 5, error: "?" })),
    JSON.stringify({ DDBStreamBatchInfo: info }),
    JSON.stringify({ DDBStreamBatchInfo: { ...info, shardId: "shard-2" } }),
    "neither",
    "{}",
  ]);
  const taken: unknown[] = [];
  const ports: Refilling["ports"] = {
    refillFeed: async ({ from, at }) => {
      taken.push([from.pk, at]);
      return from.pk === "w#a" ? "filled in" : from.pk === "w#b" ? "gone" : "unreadable";
    },
    feedChanges: async (changes, o) => {
      taken.push([changes.map(({ id }) => id), o]);
      return [];
    },
  };
  const lines: string[] = [];
  const records = async ({ shardId }: typeof info) => (shardId === "shard-1" ? [record(7), record(8)] : null);
  const counts = await refill({ ports, sqs, queueUrl: QUEUE, records }, (line) => void lines.push(line));
  expect(taken).toEqual([
    ["w#a", 5],
    ["w#b", 5],
    ["w#c", 5],
    [["7", "8"], { late: true }],
  ]);
  expect(deleted).toEqual(["0", "1", "3", "4"]);
  expect(Object.fromEntries(counts)).toEqual({ "filled in": 2, gone: 2, unreadable: 1, "not understood": 2 });
  expect(lines[2]).toBe("unreadable: w#c LOG#r#00000003");
});
