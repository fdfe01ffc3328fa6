import { Duration, Validations } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { CfnEventSourceMapping, FilterCriteria, FilterRule, StartingPosition } from "aws-cdk-lib/aws-lambda";
import { DynamoEventSource, SqsDlq } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { ENV, FED, KEYS } from "../../shared/aws/names.ts";
import type { Handler } from "./handler.ts";
import { deadLetterQueue } from "./work-queue.ts";

export interface FeedProps {
  readonly executions: ITable;
  readonly consumer: Handler;
  /** The most records of one batch. */
  readonly batchSize: number;
  /** A key of the account's own for the queue. @default SQS's own key */
  readonly key?: IKey | undefined;
}

/**
 * The consumer of the executions' change stream, which builds the feed. Lambda bisects a batch that fails until the failing
 * record is alone, retries that one for a while, and then moves it to the dead-letter queue, so that it does not hold up
 * other workspaces. Records of one execution stay in order.
 */
export class Feed extends Construct {
  /**
   * A message of Lambda's holds shard and sequence number of the record, which stays in the stream for 24 hours. A message of the
   * consumer's holds the key of the item (`LeftOut`).
   */
  readonly deadLetters: Queue;
  /** What of the change stream the consumer is invoked for. */
  readonly mapping: CfnEventSourceMapping;

  constructor(scope: Construct, id: string, { executions, consumer, batchSize, key }: FeedProps) {
    super(scope, id);
    this.deadLetters = deadLetterQueue(this, "DeadLetters", key);
    consumer.function.addEventSource(
      new DynamoEventSource(executions, {
        // From the oldest record: LATEST would skip the records that are written while the mapping is created.
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize,
        bisectBatchOnError: true,
        reportBatchItemFailures: true,
        // Minutes of retries with Lambda's backoff: enough for a throttle, or a bad deployment that is rolled back.
        retryAttempts: 20,
        maxRecordAge: Duration.hours(6),
        onFailure: new SqsDlq(this.deadLetters),
        filters: [
          FilterCriteria.filter({
            eventName: ["INSERT"],
            dynamodb: { Keys: { [KEYS.sort]: { S: FED.put.map((prefix) => ({ prefix })) } } },
          }),
          // A start over a closed execution modifies its head. `exists` matches leaves only, so the pattern names the type.
          FilterCriteria.filter({
            eventName: FilterRule.or("INSERT", "MODIFY"),
            dynamodb: {
              Keys: { [KEYS.sort]: { S: [FED.head] } },
              NewImage: { [FED.unseen]: { BOOL: FilterRule.exists() } },
            },
          }),
          FilterCriteria.filter({
            eventName: ["MODIFY"],
            dynamodb: {
              Keys: { [KEYS.sort]: { S: [FED.head] } },
              NewImage: { [FED.closing]: { M: { first: { N: FilterRule.exists() } } } },
            },
          }),
        ],
      }),
    );
    const mappings = consumer.function.node.findAll();
    this.mapping = mappings.find((child): child is CfnEventSourceMapping => child instanceof CfnEventSourceMapping)!;
    // It sends there what it cannot read (PLACEHOLDER-3); Lambda's poller sends there what the function failed on.
    consumer.allow(["sqs:SendMessage"], [this.deadLetters.queueArn]);
    consumer.setEnv(ENV.feedDeadLettersUrl, this.deadLetters.queueUrl);
    Validations.of(consumer).acknowledge({
      id: "AwsSolutions-IAM5[Resource::*]",
      reason: "dynamodb:ListStreams, which Lambda's poller needs, cannot be narrowed to a table.",
    });
  }
}
