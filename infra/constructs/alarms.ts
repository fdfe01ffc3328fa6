import { Duration, Stack } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";

export interface AlarmsProps {
  /** Where the runbook can be read; the alarm's name is appended as `#name`. */
  readonly runbook: string;
  /** Topic told of every alarm and of its end. @default none: alarms show in the console only */
  readonly topicArn?: string;
}

export interface AlarmFacts {
  /** Also the heading of its entry in the runbook: lower case words with dashes. */
  readonly name: string;
  /** One sentence for whoever is woken: what it means, not what the metric is. */
  readonly meaning: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** @default `>=` */
  readonly comparison?: ComparisonOperator;
  /** Periods in a row. @default 1 */
  readonly periods?: number;
  /** @default missing data is fine: these metrics exist only while something happens */
  readonly missing?: TreatMissingData;
}

/** The one place where alarms are made, so that each has a name, a meaning and a runbook entry (a test reads the runbook). */
export class Alarms extends Construct {
  private readonly runbook: string;
  private readonly action: SnsAction | undefined;

  constructor(scope: Construct, id: string, { runbook, topicArn }: AlarmsProps) {
    super(scope, id);
    this.runbook = runbook;
    this.action = topicArn ? new SnsAction(Topic.fromTopicArn(this, "Topic", topicArn)) : undefined;
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

  /** For a dead-letter queue that nobody consumes: one message is one too many. */
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
