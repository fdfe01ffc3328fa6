import { Arn, ArnFormat, Duration, Stack, Validations } from "aws-cdk-lib";
import { ArnPrincipal, PolicyStatement, Role } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { ENV, taskQueuePrefix } from "../../shared/aws/names.ts";
import type { Handler } from "./handler.ts";
import { WorkQueue } from "./work-queue.ts";

export interface TaskQueuesProps {
  /** Takes the tasks that no worker survived and records their failure. */
  readonly deadLetterConsumer: Handler;
  /** The function that hands out workers' credentials. */
  readonly broker: Handler;
}

/**
 * The queues of deployments. They are made when a deployment registers for the first time, so the stack does not hold
 * them; it holds what they share: the name prefix that rights are given by, the dead-letter queue, and the role that
 * workers' temporary credentials come from.
 *
 * One dead-letter queue for all of them, because a consumer costs about $0.26 a month for its idle polling: with one per
 * deployment, deployments that sleep would cost money. SQS remembers the source of each message, so that a redrive
 * brings it back to the queue it came from.
 */
export class TaskQueues extends Construct {
  readonly prefix: string;
  readonly deadLetters: WorkQueue;
  readonly workerRole: Role;
  private readonly arns: string;

  constructor(scope: Construct, id: string, { deadLetterConsumer, broker }: TaskQueuesProps) {
    super(scope, id);
    const stack = Stack.of(this);
    this.prefix = taskQueuePrefix(stack.stackName);
    this.arns = Arn.format(
      { service: "sqs", resource: `${this.prefix}*`, arnFormat: ArnFormat.NO_RESOURCE_NAME },
      stack,
    );
    this.deadLetters = new WorkQueue(this, "DeadLetters", { consumer: deadLetterConsumer });

    this.workerRole = new Role(this, "WorkerRole", {
      assumedBy: new ArnPrincipal(broker.role.roleArn),
      description: "Upper bound of what a worker may do; each session policy narrows it to one deployment's queues",
      // A role assumed by a role: AWS allows an hour and no more.
      maxSessionDuration: Duration.hours(1),
    });
    this.workerRole.addToPolicy(
      new PolicyStatement({
        // For AWS the batch forms are the same actions; an emulator may know them as actions of their own.
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
    this.explainWildcard(this.workerRole);
    broker.allow(["sts:AssumeRole"], [this.workerRole.roleArn]);
    broker.setEnv(ENV.workerRoleArn, this.workerRole.roleArn);
  }

  /** Lets a handler ring a worker: put a task into a deployment's queue. */
  grantSend(handler: Handler): void {
    handler.allow(["sqs:SendMessage", "sqs:GetQueueUrl"], [this.arns]);
    this.know(handler);
  }

  /** Lets a handler make a deployment's queues, with their tags and attributes. */
  grantCreate(handler: Handler): void {
    handler.allow(["sqs:CreateQueue", "sqs:TagQueue", "sqs:SetQueueAttributes", "sqs:GetQueueUrl"], [this.arns]);
    handler.setEnv(ENV.taskDeadLettersArn, this.deadLetters.queue.queueArn);
    this.know(handler);
  }

  private know(handler: Handler): void {
    handler.setEnv(ENV.taskQueuePrefix, this.prefix);
    this.explainWildcard(handler);
  }

  private explainWildcard(construct: Construct): void {
    Validations.of(construct).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:sqs:<AWS::Region>:<AWS::AccountId>:${this.prefix}*]`,
      reason:
        "Deployments' queues are made at run time: the prefix names all of them and no other queue of the account.",
    });
  }
}
