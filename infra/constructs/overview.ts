import { Duration, Stack } from "aws-cdk-lib";
import type { RestApi } from "aws-cdk-lib/aws-apigateway";
import { Dashboard, GraphWidget, type IMetric, Metric, SearchExpression } from "aws-cdk-lib/aws-cloudwatch";
import { Construct } from "constructs";
import { METRICS_NAMESPACE, taskQueuePrefix } from "../../shared/aws/names.ts";
import type { Handler } from "./handler.ts";
import type { Tables } from "./tables.ts";

export interface OverviewProps {
  readonly handlers: readonly Handler[];
  readonly tables: Tables;
  readonly api: RestApi;
}

/** One dashboard in the order in which an operator asks: does it work, is it late, is it at a limit, what does it cost. */
export class Overview extends Construct {
  constructor(scope: Construct, id: string, { handlers, tables, api }: OverviewProps) {
    super(scope, id);
    const { stackName } = Stack.of(this);
    const period = Duration.minutes(1);
    const own = (metricName: string) =>
      new Metric({
        namespace: METRICS_NAMESPACE,
        metricName,
        dimensionsMap: { service: stackName },
        period,
        statistic: "Sum",
      });
    const graph = (title: string, left: IMetric[]) => new GraphWidget({ title, left, width: 12, height: 6 });
    const each = (metric: (handler: Handler) => Metric) =>
      handlers.map((handler) => metric(handler).with({ label: handler.name }));
    const feed = handlers.find(({ name }) => name === "feed")!;
    const throttles = (name: string, tableName: string) =>
      new Metric({
        namespace: "AWS/DynamoDB",
        metricName: "WriteThrottleEvents",
        dimensionsMap: { TableName: tableName },
        label: name,
        period,
        statistic: "Sum",
      });
    // Deployments' queues are made at run time, so they are searched for by the words of their prefix. No alarm can do that: CloudWatch
    // allows no search in one, as it answers several series.
    const words = taskQueuePrefix(stackName).replaceAll("-", " ").trim();
    const waiting = new SearchExpression({
      expression: `SEARCH('{AWS/SQS,QueueName} MetricName="ApproximateAgeOfOldestMessage" ${words}', 'Maximum', 60)`,
      label: "", // each series has the name of its queue
      period,
    });
    const { executions, registry, schedules, feed: feedTable } = tables;
    new Dashboard(this, "Dashboard", {
      dashboardName: stackName,
      widgets: [
        [
          graph("Executions and steps", ["ExecutionsStarted", "ExecutionsClosed", "Steps"].map(own)),
          graph("Server errors", [
            api.metricServerError({ period }),
            ...each((h) => h.function.metricErrors({ period })),
          ]),
        ],
        [
          graph("Age of the feed, ms", [feed.function.metric("IteratorAge", { period, statistic: "Maximum" })]),
          graph(
            "Duration at 95 %",
            each((h) => h.function.metricDuration({ period, statistic: "p95" })),
          ),
        ],
        [
          graph(
            "Refused by Lambda",
            each((h) => h.function.metricThrottles({ period })),
          ),
          graph(
            "Concurrency",
            each((h) => h.function.metric("ConcurrentExecutions", { period, statistic: "Maximum" })),
          ),
        ],
        [
          graph("Writes that DynamoDB refused", [
            throttles("executions", executions.tableName),
            throttles("registry", registry.tableName),
            throttles("schedules", schedules.tableName),
            throttles("feed", feedTable.tableName),
          ]),
          graph("Age of the oldest task of each queue, s", [waiting]),
        ],
        [graph("Units and requests", ["WriteUnits", "ReadUnits", "Requests", "SqsRequests"].map(own))],
      ],
    });
  }
}
