/**
 * Metrics in CloudWatch's embedded metric format: a line of JSON in the log, from which CloudWatch takes them. What is
 * zero is left out, because a metric costs money in each hour in which it has a value. `infra/README.md` lists them.
 */
import type { Usage } from "../../shared/aws/meter.ts";

const NAMES = {
  requests: "Requests",
  steps: "Steps",
  messages: "Messages",
  started: "ExecutionsStarted",
  closed: "ExecutionsClosed",
  writeUnits: "WriteUnits",
  readUnits: "ReadUnits",
  dynamo: "DynamoDBCalls",
  sqs: "SqsRequests",
  s3: "S3Requests",
  sts: "StsRequests",
  scheduler: "SchedulerRequests",
} as const satisfies Record<keyof Usage, string>;

export interface Source {
  readonly namespace: string;
  /** The one dimension: CloudWatch charges a metric of each value of each dimension by itself. */
  readonly service: string;
  /** Stands in the line beside the values, for queries over the logs. */
  readonly function: string;
}

/** Without its line end. Null: nothing was used. */
export function metricsLine({ namespace, ...source }: Source, used: Usage, now: number): string | null {
  const values = (Object.keys(NAMES) as (keyof Usage)[])
    .filter((key) => used[key] > 0)
    .map((key) => [NAMES[key], used[key]] as const);
  if (values.length === 0) return null;
  const directive = {
    Namespace: namespace,
    Dimensions: [["service"]],
    Metrics: values.map(([Name]) => ({ Name, Unit: "Count" })),
  };
  return JSON.stringify({
    _aws: { Timestamp: now, CloudWatchMetrics: [directive] },
    ...source,
    ...Object.fromEntries(values),
  });
}
