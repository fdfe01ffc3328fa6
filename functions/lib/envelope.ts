/**
 * What every handler is wrapped in: the invocation's id on each log line, and what the invocation used as metrics (EMF).
 *
 * E1. A failure of the envelope itself never changes the answer.
 * E2. An error that escapes a consumer of events goes on to Lambda, which retries and in the end sets the event aside.
 */
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import type middy from "@middy/core";
import { ENV, METRICS_NAMESPACE } from "../../infra/names.ts";
import { installation } from "./installation.ts";
import { log, logger } from "./log.ts";

/** As much as is used of Lambda's context. */
export interface LambdaContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  getRemainingTimeInMillis(): number;
}

const metrics = new Metrics({
  namespace: METRICS_NAMESPACE,
  serviceName: process.env[ENV.installation] || "sirocco",
});

const UNITS = {
  dynamo: "DynamoDBCalls",
  writeUnits: "WriteUnits",
  readUnits: "ReadUnits",
  sqs: "SqsRequests",
  s3: "S3Requests",
  sts: "StsRequests",
} as const;

/** Writes what the adapter has used since the last invocation. */
function writeUsage(): void {
  try {
    const used = installation().clients.meter.take();
    for (const [name, metric] of Object.entries(UNITS)) {
      const n = used[name as keyof typeof UNITS];
      if (n > 0) metrics.addMetric(metric, MetricUnit.Count, n);
    }
    metrics.addDimension("function", process.env.AWS_LAMBDA_FUNCTION_NAME ?? "local");
    metrics.publishStoredMetrics();
  } catch (error) {
    log.warn("metrics of an invocation were not written", { error }); // E1
  }
}

export const envelope: middy.MiddlewareObj = {
  before: ({ context }) => {
    logger.appendKeys({ invocation: (context as unknown as LambdaContext).awsRequestId });
  },
  after: () => writeUsage(),
  onError: ({ error }) => {
    log.error("an invocation failed", { error });
    writeUsage();
  },
};
