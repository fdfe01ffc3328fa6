import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import { Policy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { Handler } from "./handler.ts";
import { deadLetterQueue } from "./work-queue.ts";

export interface SweeperProps {
  readonly handler: Handler;
  /** A key of the account's own for the queue. @default SQS's own key */
  readonly key?: IKey | undefined;
}

/**
 * Runs the sweeper each minute. A failed sweep is not retried: the next one, a minute later, does the same work from newer
 * data. When a round stopped at its time budget, the next one invokes the function once for each shard of the index. Events that the rule or Lambda's asynchronous invocation drops go to one dead-letter queue.
 */
export class Sweeper extends Construct {
  readonly rule: Rule;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { handler, key }: SweeperProps) {
    super(scope, id);
    this.deadLetters = deadLetterQueue(this, "DeadLetters", key);
    this.rule = new Rule(this, "EachMinute", {
      description: "Runs the sweeper, see functions/sweeper.ts",
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        new LambdaTarget(handler.function, {
          deadLetterQueue: this.deadLetters,
          retryAttempts: 0,
          maxEventAge: Duration.minutes(1),
        }),
      ],
    });
    // SWEEP-4. A policy of its own: the role's default policy is created before the function that it would name.
    new Policy(this, "InvokeAgain", {
      roles: [handler.role],
      statements: [
        new PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [handler.function.functionArn] }),
      ],
    });
    handler.function.configureAsyncInvoke({
      retryAttempts: 0,
      maxEventAge: Duration.minutes(1),
      onFailure: new SqsDestination(this.deadLetters),
    });
  }
}
