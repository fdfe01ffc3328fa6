import { ArnFormat, RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { ScheduleGroup } from "aws-cdk-lib/aws-scheduler";
import { Construct } from "constructs";
import { ENV } from "../../shared/aws/names.ts";
import type { Handler } from "./handler.ts";
import { WorkQueue } from "./work-queue.ts";

export interface SchedulingProps {
  /** Handles each wake-up. */
  readonly consumer: Handler;
  /** A key of the account's own for the queues. @default SQS's own key */
  readonly key?: IKey | undefined;
}

/**
 * The wake-ups of schedules. Handlers create one `at()` schedule of EventBridge Scheduler per workflow schedule, in a group
 * of this stack. It sends a message to the queue a few minutes early, and the consumer sends a further message, delayed to
 * the second at which the schedule is due. One queue carries both, and each message names its kind.
 *
 * The dead-letter queue receives messages that EventBridge Scheduler could not deliver, and those that the consumer could
 * not handle. Neither loses a start: the sweeper arms overdue schedules again.
 */
export class Scheduling extends Construct {
  readonly group: ScheduleGroup;
  readonly queue: WorkQueue;
  readonly role: Role;

  constructor(scope: Construct, id: string, { consumer, key }: SchedulingProps) {
    super(scope, id);
    this.queue = new WorkQueue(this, "Fires", { consumer, key });
    // Its schedules are hints, which the sweeper makes again. A group that outlived its stack would hold the name that the
    // next stack of this name needs.
    this.group = new ScheduleGroup(this, "Group", { removalPolicy: RemovalPolicy.DESTROY });
    this.role = new Role(this, "Role", {
      // Without the account, another account could make EventBridge Scheduler use the role (confused deputy).
      assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
      }),
      description: "Lets EventBridge Scheduler send wake-ups to the queue",
    });
    this.role.addToPolicy(
      new PolicyStatement({
        actions: ["sqs:SendMessage"],
        resources: [this.queue.queue.queueArn, this.queue.deadLetters.queueArn],
      }),
    );
    if (key)
      this.role.addToPolicy(
        new PolicyStatement({ actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [key.keyArn] }),
      );
  }

  /** Lets a handler create, move and delete wake-ups, and send delayed messages. */
  grantArm(handler: Handler): void {
    const group = this.group.scheduleGroupName;
    const schedules = Stack.of(this).formatArn({
      service: "scheduler",
      resource: "schedule",
      resourceName: `${group}/*`,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
    handler.allow(["scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"], [schedules]);
    handler.allow(["iam:PassRole"], [this.role.roleArn], {
      StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" },
    });
    handler.allow(["sqs:SendMessage"], [this.queue.queue.queueArn]);
    handler.setEnv(ENV.scheduleGroup, group);
    handler.setEnv(ENV.scheduleRoleArn, this.role.roleArn);
    handler.setEnv(ENV.scheduleQueueArn, this.queue.queue.queueArn);
    handler.setEnv(ENV.scheduleQueueUrl, this.queue.queue.queueUrl);
    handler.setEnv(ENV.scheduleDeadLettersArn, this.queue.deadLetters.queueArn);
    Validations.of(handler).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/${group}/*]`,
      reason:
        "Handlers create schedules at run time: the ARN covers every schedule of this stack's group and no other.",
    });
  }
}
