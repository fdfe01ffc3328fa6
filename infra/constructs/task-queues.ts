import { Arn, ArnFormat, Duration, Stack, Validations } from "aws-cdk-lib";
import { ArnPrincipal, PolicyStatement, Role } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import { ENV, taskQueuePrefix } from "../../shared/aws/names.ts";
import type { Handler } from "./handler.ts";
import { WorkQueue } from "./work-queue.ts";

export interface TaskQueuesProps {
  /** Consumes the dead-letter queue and records the failure of its tasks. */
  readonly deadLetterConsumer: Handler;
  /** The function that issues workers' credentials. */
  readonly credentialIssuer: Handler;
  /** A key of the account's own for the queues. @default SQS's own key */
  readonly key?: IKey | undefined;
}

/**
 * The queues of deployments. The first registration of a deployment creates its queues, so they are not in the stack. The
 * stack has what they share: the name prefix that policies allow, the dead-letter queue, and the role of workers'
 * temporary credentials.
 *
 * All share one dead-letter queue, because the idle polling of a consumer costs about $0.26 a month: with a consumer each,
 * deployments without workers would cost money. SQS remembers the source of each message, so a redrive moves it back to
 * its queue.
 */
export class TaskQueues extends Construct {
  readonly prefix: string;
  readonly deadLetters: WorkQueue;
  readonly workerRole: Role;
  private readonly arns: string;
  private readonly key: IKey | undefined;

  constructor(scope: Construct, id: string, { deadLetterConsumer, credentialIssuer, key }: TaskQueuesProps) {
    super(scope, id);
    const stack = Stack.of(this);
    this.prefix = taskQueuePrefix(stack.stackName);
    this.arns = Arn.format(
      { service: "sqs", resource: `${this.prefix}*`, arnFormat: ArnFormat.NO_RESOURCE_NAME },
      stack,
    );
    this.deadLetters = new WorkQueue(this, "DeadLetters", { consumer: deadLetterConsumer, key });

    this.workerRole = new Role(this, "WorkerRole", {
      assumedBy: new ArnPrincipal(credentialIssuer.role.roleArn),
      description: "Upper bound of a worker's rights; each session policy narrows it to the queues of one deployment",
      // AWS allows one hour where one role assumes another.
      maxSessionDuration: Duration.hours(1),
    });
    this.workerRole.addToPolicy(
      new PolicyStatement({
        // In AWS the batch calls belong to the same actions, in an emulator they may be actions of their own.
        actions: [
          "sqs:ReceiveMessage",
          "sqs:DeleteMessage",
          "sqs:DeleteMessageBatch",
          "sqs:ChangeMessageVisibility",
          "sqs:ChangeMessageVisibilityBatch",
        ],
        resources: [this.arns],
      }),
    );
    this.key = key;
    if (key) this.workerRole.addToPolicy(new PolicyStatement({ actions: ["kms:Decrypt"], resources: [key.keyArn] }));
    this.acknowledgeWildcard(this.workerRole);
    credentialIssuer.allow(["sts:AssumeRole"], [this.workerRole.roleArn]);
    credentialIssuer.setEnv(ENV.workerRoleArn, this.workerRole.roleArn);
  }

  /** Lets a handler send tasks to deployments' queues. */
  grantSend(handler: Handler): void {
    // In AWS the batch call belongs to the same action, in an emulator it may be one of its own.
    handler.allow(["sqs:SendMessage", "sqs:SendMessageBatch", "sqs:GetQueueUrl"], [this.arns]);
    this.setPrefix(handler);
  }

  /** Lets a handler end leases: a host hands back through it what its dead worker core held (HOST-6). */
  grantReturn(handler: Handler): void {
    handler.allow(["sqs:ChangeMessageVisibility", "sqs:ChangeMessageVisibilityBatch"], [this.arns]);
  }

  /** Lets a handler create deployments' queues, with their tags and attributes. */
  grantCreate(handler: Handler): void {
    handler.allow(["sqs:CreateQueue", "sqs:TagQueue", "sqs:SetQueueAttributes", "sqs:GetQueueUrl"], [this.arns]);
    handler.setEnv(ENV.taskDeadLettersArn, this.deadLetters.queue.queueArn);
    if (this.key) handler.setEnv(ENV.kmsKeyArn, this.key.keyArn);
    this.setPrefix(handler);
  }

  private setPrefix(handler: Handler): void {
    handler.setEnv(ENV.taskQueuePrefix, this.prefix);
    this.acknowledgeWildcard(handler);
  }

  private acknowledgeWildcard(construct: Construct): void {
    Validations.of(construct).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:sqs:<AWS::Region>:<AWS::AccountId>:${this.prefix}*]`,
      reason:
        "Handlers create deployments' queues at run time: the prefix covers all of them and no other queue of the account.",
    });
  }
}
