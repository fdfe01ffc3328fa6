/**
 * What every handler is wrapped in: the invocation's id on each log line, and what the invocation used as metrics (EMF).
 *
 * ENVELOPE-1. A failure of the envelope itself never changes the answer.
 * ENVELOPE-2. An error that escapes a consumer of events goes on to Lambda, which retries and in the end sets the event aside.
 */
import { Readable } from "node:stream";
import type middy from "@middy/core";
import { ENV, METRICS_NAMESPACE } from "../../shared/aws/names.ts";
import { installation } from "./installation.ts";
import { log, logger } from "./log.ts";
import { metricsLine } from "./metrics.ts";

/** As much as is used of Lambda's context. */
export interface LambdaContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  getRemainingTimeInMillis(): number;
}

/** Writes what the adapter has used since the last invocation. */
function writeUsage(): void {
  try {
    const source = {
      namespace: METRICS_NAMESPACE,
      service: process.env[ENV.installation] || "sirocco",
      function: process.env.AWS_LAMBDA_FUNCTION_NAME ?? "local",
    };
    const used = installation().clients.meter.take();
    const line = metricsLine(source, used, Date.now());
    // Not by the console, before whose lines Lambda puts the time: CloudWatch would not read them as metrics.
    if (line) process.stdout.write(`${line}\n`);
  } catch (error) {
    log.warn("metrics of an invocation were not written", { error }); // ENVELOPE-1
  }
}

export const envelope: middy.MiddlewareObj = {
  before: ({ context }) => {
    logger.appendKeys({ invocation: (context as unknown as LambdaContext).awsRequestId });
  },
  after: ({ response }) => {
    const body = (response as { body?: unknown } | null)?.body;
    // A stream does most of its work after the handler has returned it.
    if (body instanceof Readable) body.once("close", writeUsage);
    else writeUsage();
  },
  onError: ({ error }) => {
    log.error("an invocation failed", { error });
    writeUsage();
  },
};
