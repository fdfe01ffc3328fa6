/**
 * The middleware of every handler: it puts the invocation's id on each log line, asks for the time where it is in doubt, and
 * writes the usage as metrics (EMF-1).
 *
 * ENVELOPE-1. A failure of this middleware never changes the answer.
 * ENVELOPE-2. The middleware passes an error of a handler on to Lambda. Lambda retries an event, and in the end moves it
 *     to a dead-letter queue.
 */
import { Readable } from "node:stream";
import type middy from "@middy/core";
import { ENV, METRICS_NAMESPACE } from "../../shared/aws/names.ts";
import { askTheTime, installation } from "./installation.ts";
import { beginInvocation, log } from "./log.ts";
import { LineDue, metricsLine } from "./metrics.ts";

/** The fields of Lambda's context that are used here. */
export interface LambdaContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  getRemainingTimeInMillis(): number;
}

const lines = new LineDue();

/** Writes the adapter's usage since the last line, if a line is due. */
function writeUsage(): void {
  if (!lines.after(Date.now())) return;
  try {
    const source = {
      namespace: METRICS_NAMESPACE,
      service: process.env[ENV.installation] || "sirocco",
      function: process.env.AWS_LAMBDA_FUNCTION_NAME ?? "local",
    };
    const usage = installation().clients.meter.take();
    const line = metricsLine(source, usage, Date.now());
    // Not by `console`: Lambda puts the time before its lines, and CloudWatch would not read them as metrics.
    if (line) process.stdout.write(`${line}\n`);
  } catch (error) {
    log.warn("metrics of this invocation not written", { error }); // ENVELOPE-1
  }
}

export const envelope: middy.MiddlewareObj = {
  before: async ({ context }) => {
    beginInvocation((context as unknown as LambdaContext).awsRequestId);
    await askTheTime().catch((error) => log.warn("the time of DynamoDB is not known to this invocation", { error }));
  },
  after: ({ response }) => {
    const body = (response as { body?: unknown } | null)?.body;
    // A stream does most of its work after the handler has returned it.
    if (body instanceof Readable) body.once("close", writeUsage);
    else writeUsage();
  },
  onError: ({ error }) => {
    log.error("invocation failed", { error });
    writeUsage();
  },
};
