import type { RemovalPolicy } from "aws-cdk-lib";
import { ArnFormat, Stack, Validations } from "aws-cdk-lib";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { ScheduleGroup } from "aws-cdk-lib/aws-scheduler";
import { Construct } from "constructs";
import { ENV } from "../../shared/aws/names.ts";
import type { Handler } from "./handler.ts";
import { WorkQueue } from "./work-queue.ts";

export interface SchedulingProps {
  /** Handles each fire. */
  readonly consumer: Handler;
  readonly removalPolicy: RemovalPolicy;
}

/**
 * How schedules wake up: handlers make one `at()` schedule of EventBridge Scheduler per workflow schedule, in a group of
 * this stack's; it sends a message to the queue, a minute or so early; the consumer sends the same message once more,
 * delayed to the second it is due (at most 15 minutes). One queue serves both, since each message says what it is.
 *
 * The dead-letter queue takes what EventBridge Scheduler could not deliver as well as what the consumer could not handle.
 * Neither loses a fire: the sweeper arms again whatever is overdue.
 */
export class Scheduling extends Construct {
  readonly group: ScheduleGroup;
  readonly queue: WorkQueue;
  readonly role: Role;

  constructor(scope: Construct, id: string, { consumer, removalPolicy }: SchedulingProps) {
    super(scope, id);
    this.queue = new WorkQueue(this, "Fires", { consumer });
    this.group = new ScheduleGroup(this, "Group", { removalPolicy });
    this.role = new Role(this, "Role", {
      // Without the account, EventBridge Scheduler could be made to use the role on somebody else's behalf.
      assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
      }),
      description: "Lets EventBridge Scheduler put a fire into the queue",
    });
    this.role.addToPolicy(
      new PolicyStatement({
        actions: ["sqs:SendMessage"],
        resources: [this.queue.queue.queueArn, this.queue.deadLetters.queueArn],
      }),
    );
  }

  /** Lets a handler arm, move and disarm fires, and send the delayed last stretch. */
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
      reason: "Schedules are made at run time: the ARN names every schedule of this stack's group and no other.",
    });
  }
}
