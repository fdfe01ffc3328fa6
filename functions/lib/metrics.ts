/**
 * Metrics in CloudWatch's embedded metric format: a line of JSON in the log, which CloudWatch reads. A metric costs money
 * in each hour in which it has a value, so zeros are left out. `infra/README.md` lists the metrics.
 *
 * EMF-1. A line has the sum of up to 50 invocations or 10 s of its process, because a line for each call of a worker would cost more than
 *     the call. The counts since the last line are lost when Lambda ends the process.
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

const MOST_INVOCATIONS = 50;
const MOST_MS = 10_000;

/** Says after each invocation whether its process writes a line now (EMF-1). */
export class LineDue {
  #invocations = 0;
  #last = Number.NEGATIVE_INFINITY;

  after(now: number): boolean {
    this.#invocations += 1;
    if (this.#invocations < MOST_INVOCATIONS && now - this.#last < MOST_MS) return false;
    this.#invocations = 0;
    this.#last = now;
    return true;
  }
}
