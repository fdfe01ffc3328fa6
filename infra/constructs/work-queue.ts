import { Duration, Validations } from "aws-cdk-lib";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Queue, QueueEncryption, type QueueProps } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { FUNCTIONS } from "../../shared/aws/names.ts";
import type { Handler } from "./handler.ts";

/** Encrypted, TLS only. Dead letters wait for 14 days, SQS's maximum: long enough for somebody to come back from leave. */
const common = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true } satisfies QueueProps;

/** A queue for what could not be handled. Nothing consumes it by itself; an alarm watches it. */
export function deadLetterQueue(scope: Construct, id: string): Queue {
  const queue = new Queue(scope, id, { ...common, retentionPeriod: Duration.days(14) });
  Validations.of(queue).acknowledge({
    id: "AwsSolutions-SQS3",
    reason: "It is a dead-letter queue; cdk-nag sees only those of other queues, not those of streams and rules.",
  });
  return queue;
}

export interface WorkQueueProps {
  /** The function that consumes it. */
  readonly consumer: Handler;
  /** Deliveries before a message is set aside. @default 5 */
  readonly maxReceives?: number;
  /** Messages per invocation. @default 10, the most that SQS hands out in one receive */
  readonly batchSize?: number;
}

/** A queue consumed by a function that reports failures message by message, with a dead-letter queue. */
export class WorkQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { consumer, maxReceives = 5, batchSize = 10 }: WorkQueueProps) {
    super(scope, id);
    this.deadLetters = deadLetterQueue(this, "DeadLetters");
    this.queue = new Queue(this, "Queue", {
      ...common,
      // AWS's advice: with less than six timeouts, throttled invocations use up a message's receives.
      visibilityTimeout: Duration.seconds(6 * FUNCTIONS[consumer.name].timeoutSeconds),
      retentionPeriod: Duration.days(14),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: maxReceives },
    });
    consumer.function.addEventSource(new SqsEventSource(this.queue, { batchSize, reportBatchItemFailures: true }));
  }
}
