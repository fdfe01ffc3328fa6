/**
 * Metrics in CloudWatch's embedded metric format: a line of JSON in the log, which CloudWatch reads. A metric costs money
 * in each hour in which it has a value, so zeros are left out. `infra/README.md` lists the metrics.
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
  /** The only dimension, because CloudWatch charges one metric for each value of a dimension. */
  readonly service: string;
  /** A field of the line and no dimension, for queries over the logs. */
  readonly function: string;
}

/** One line, without its line break. Null = all values are zero. */
export function metricsLine({ namespace, ...source }: Source, usage: Usage, now: number): string | null {
  const values = (Object.keys(NAMES) as (keyof Usage)[])
    .filter((key) => usage[key] > 0)
    .map((key) => [NAMES[key], usage[key]] as const);
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
