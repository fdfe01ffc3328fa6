import { Duration, Validations } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Queue, QueueEncryption, type QueueProps } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { FUNCTIONS } from "../../shared/aws/names.ts";
import type { Handler } from "./handler.ts";

/** Encrypted, TLS only. `key`: a key of the account's own, of which SQS asks KMS once an hour. */
const common = (key: IKey | undefined) =>
  ({
    enforceSSL: true,
    encryption: key ? QueueEncryption.KMS : QueueEncryption.SQS_MANAGED,
    ...(key && { encryptionMasterKey: key, dataKeyReuse: Duration.hours(1) }),
  }) satisfies QueueProps;

/** A dead-letter queue without a consumer. An alarm watches it. Messages stay for SQS's maximum of 14 days, for the operator. */
export function deadLetterQueue(scope: Construct, id: string, key: IKey | undefined): Queue {
  const queue = new Queue(scope, id, { ...common(key), retentionPeriod: Duration.days(14) });
  Validations.of(queue).acknowledge({
    id: "AwsSolutions-SQS3",
    reason: "It is a dead-letter queue; cdk-nag recognises those of queues, and not those of streams and rules.",
  });
  return queue;
}

export interface WorkQueueProps {
  /** The function that consumes it. */
  readonly consumer: Handler;
  /** A key of the account's own. @default SQS's own key */
  readonly key?: IKey | undefined;
  /** Deliveries of a message before it moves to the dead-letter queue. @default 5 */
  readonly maxReceives?: number;
  /** Messages per invocation. @default 10, the most that SQS gives out in one receive */
  readonly batchSize?: number;
}

/** A queue with a dead-letter queue, consumed by a function that reports failures message by message. */
export class WorkQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { consumer, key, maxReceives = 5, batchSize = 10 }: WorkQueueProps) {
    super(scope, id);
    this.deadLetters = deadLetterQueue(this, "DeadLetters", key);
    this.queue = new Queue(this, "Queue", {
      ...common(key),
      // AWS's advice: with less than six timeouts, throttled invocations use up the deliveries of a message.
      visibilityTimeout: Duration.seconds(6 * FUNCTIONS[consumer.name].timeoutSeconds),
      retentionPeriod: Duration.days(14),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: maxReceives },
    });
    consumer.function.addEventSource(new SqsEventSource(this.queue, { batchSize, reportBatchItemFailures: true }));
  }
}
