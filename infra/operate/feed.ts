/**
 * `npm run feed -- refill` appends to the feed what its consumer left out: it works through the messages of the dead-letter
 * queue *FeedConsumer/DeadLetters* and deletes those that are done. It reads items and records with the code of this
 * checkout, so check out a version that understands them. However often it runs, nothing is shown or counted twice.
 */
import { parseArgs } from "node:util";
import { DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { LeftOut } from "../../shared/aws/feed-placeholders.ts";
import { changeOf, type StreamRecord } from "../../shared/aws/feed-records.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { installationOf } from "./queues.ts";
import { Refused, runScript } from "./script.ts";
import { type BatchInfo, recordsOf } from "./stream-records.ts";

/** A message stays invisible for longer than its work takes. The script ends when it receives none. */
const VISIBILITY_SECONDS = 300;

export interface Refilling {
  readonly ports: Pick<Aws, "feedChanges" | "refillFeed">;
  readonly sqs: Pick<SQSClient, "send">;
  /** URL of the dead-letter queue. */
  readonly queueUrl: string;
  readonly records: (info: BatchInfo) => Promise<StreamRecord[] | null>;
}

export type Outcome = "filled in" | "unreadable" | "gone" | "not understood";

/** Answers how many messages had each outcome. Unreadable ones, and those that are not understood, stay in the queue. */
export async function refill(r: Refilling, say: (line: string) => void): Promise<Map<Outcome, number>> {
  const counts = new Map<Outcome, number>();
  const wait = { VisibilityTimeout: VISIBILITY_SECONDS, WaitTimeSeconds: 2, MaxNumberOfMessages: 10 };
  for (;;) {
    const { Messages = [] } = await r.sqs.send(new ReceiveMessageCommand({ QueueUrl: r.queueUrl, ...wait }));
    if (Messages.length === 0) return counts;
    for (const { Body = "", ReceiptHandle } of Messages) {
      const { outcome, what } = await handle(r, Body);
      say(`${outcome}: ${what}`);
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      if (outcome === "filled in" || outcome === "gone")
        await r.sqs.send(new DeleteMessageCommand({ QueueUrl: r.queueUrl, ReceiptHandle }));
    }
  }
}

async function handle({ ports, records }: Refilling, body: string): Promise<{ outcome: Outcome; what: string }> {
  let letter: Partial<LeftOut> & { DDBStreamBatchInfo?: BatchInfo };
  try {
    letter = JSON.parse(body) as typeof letter;
  } catch {
    return { outcome: "not understood", what: body.slice(0, 200) };
  }
  const { from, at, DDBStreamBatchInfo: info } = letter;
  if (from && at !== undefined) return { outcome: await ports.refillFeed({ from, at }), what: `${from.pk} ${from.sk}` };
  if (!info) return { outcome: "not understood", what: body.slice(0, 200) };
  const what = `record ${info.startSequenceNumber} of ${info.shardId}, ${info.batchSize} in all`;
  const found = await records(info);
  if (!found) return { outcome: "gone", what };
  const changes = found.map(changeOf).filter((change) => change !== null);
  const failed = await ports.feedChanges(changes, { late: true });
  return { outcome: failed.length === 0 ? "filled in" : "unreadable", what };
}

if (import.meta.main)
  await runScript(async () => {
    const options = { stack: { type: "string", default: "Sirocco" } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (positionals.join(" ") !== "refill") throw new Refused("Usage: npm run feed -- refill [--stack <name>]");
    const { ports, outputs } = await installationOf(values.stack);
    const queueUrl = outputs.get("FeedDeadLettersUrl");
    if (!queueUrl)
      throw new Refused(`The stack "${values.stack}" has no output FeedDeadLettersUrl: deploy this version`);
    const { dynamo, sqs } = ports.clients;
    const records = (info: BatchInfo) => recordsOf(dynamo, info);
    const counts = await refill({ ports, sqs, queueUrl, records }, console.log);
    const told = [...counts].map(([outcome, n]) => `${n} ${outcome}`).join(", ") || "the dead-letter queue is empty";
    console.log(told);
    if (counts.has("unreadable") || counts.has("not understood")) {
      console.error(
        "Messages that stay in the queue can be tried again in five minutes, with a version that reads them.",
      );
      process.exitCode = 1;
    }
  });
