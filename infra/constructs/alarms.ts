import { Annotations, Duration, Stack } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";

export interface AlarmsProps {
  /** Address of the runbook. The alarm's name is appended as `#name`. */
  readonly runbook: string;
  /** Topic notified of each alarm and of its end. @default none: alarms show in the console only */
  readonly topicArn?: string | undefined;
  /** Address that gets a mail for each alarm and its end. @default none */
  readonly email?: string | undefined;
}

export interface AlarmFacts {
  /** Lower case words with dashes. The runbook has an entry with this heading. */
  readonly name: string;
  /** One sentence for the person on call: what has happened and what follows. */
  readonly meaning: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** @default `>=` */
  readonly comparison?: ComparisonOperator;
  /** Periods in a row. @default 1 */
  readonly periods?: number;
  /** @default missing data does not raise the alarm: most metrics have data only while there is work */
  readonly missing?: TreatMissingData;
}

/** Creates all alarms, so that each has a name, a meaning and a runbook entry (a test compares them with the runbook). */
export class Alarms extends Construct {
  private readonly runbook: string;
  private readonly action: SnsAction | undefined;

  constructor(scope: Construct, id: string, { runbook, topicArn, email }: AlarmsProps) {
    super(scope, id);
    this.runbook = runbook;
    const topic = topicArn ? Topic.fromTopicArn(this, "Topic", topicArn) : email ? this.mailing(email) : undefined;
    this.action = topic && new SnsAction(topic);
    if (!topic)
      Annotations.of(this).addWarningV2(
        "sirocco:alarms",
        "The alarms reach nobody: set alarmEmail=<address>, or alarmTopicArn=<ARN of an SNS topic>.",
      );
  }

  private mailing(address: string): Topic {
    const topic = new Topic(this, "Mails", { displayName: `Alarms of ${Stack.of(this).stackName}`, enforceSSL: true });
    // CloudWatch may publish: a topic with a policy of its own allows only what that says.
    topic.addToResourcePolicy(
      new PolicyStatement({
        actions: ["sns:Publish"],
        principals: [new ServicePrincipal("cloudwatch.amazonaws.com")],
        resources: [topic.topicArn],
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
      }),
    );
    topic.addSubscription(new EmailSubscription(address));
    return topic;
  }

  raise({ name, meaning, metric, threshold, comparison, periods = 1, missing }: AlarmFacts): Alarm {
    const alarm = new Alarm(this, name, {
      alarmName: `${Stack.of(this).stackName}-${name}`,
      alarmDescription: `${meaning} Runbook: ${this.runbook}#${name}`,
      metric,
      threshold,
      comparisonOperator: comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: missing ?? TreatMissingData.NOT_BREACHING,
    });
    if (this.action) {
      alarm.addAlarmAction(this.action);
      alarm.addOkAction(this.action);
    }
    return alarm;
  }

  /** For a dead-letter queue without a consumer: one message raises the alarm. */
  whenNotEmpty(name: string, queue: IQueue, meaning: string): Alarm {
    const metric = queue.metricApproximateNumberOfMessagesVisible({
      period: Duration.minutes(1),
      statistic: "Maximum",
    });
    return this.raise({ name, meaning, metric, threshold: 1 });
  }

  /** For a queue whose consumer may have stopped. */
  whenOlderThan(name: string, queue: IQueue, age: Duration, meaning: string): Alarm {
    const metric = queue.metricApproximateAgeOfOldestMessage({ period: Duration.minutes(1), statistic: "Maximum" });
    return this.raise({ name, meaning, metric, threshold: age.toSeconds() });
  }
}
