/** The arithmetic of the first table of docs/costs.md: dollars per million steps of runs of N steps, one run at a time. */
import { LAMBDA_MS, lambdaDollars, PRICES } from "./prices.ts";

/** Bytes of the line that the start of a run logs, and of a line of metrics for 50 calls. */
const START_LOG_BYTES = 350;
const METRICS_LINE_BYTES = 400;
const CALLS_A_LINE = 50;

/** The lines of a million runs. `calls`: of the worker endpoint, in one of them. */
export function logDollars(calls: number): number {
  const bytes = START_LOG_BYTES + (calls * METRICS_LINE_BYTES) / CALLS_A_LINE;
  return (bytes / 1_000) * PRICES.logIngestion; // bytes of a million runs are megabytes of one: a thousandth of a GB
}

/** Units of DynamoDB for a run of so many steps: start 3 and 2, claim 1 and 1, steps 1 and 0 each, close 3 and 1. */
export const unitsOf = (steps: number) => ({ writes: steps + 7, reads: 4 });

export function dollarsPerMillionSteps(steps: number): number {
  const { dynamoWriteUnit, dynamoReadUnit, sqsRequest } = PRICES.perMillion;
  const calls = steps + 2;
  const { writes, reads } = unitsOf(steps);
  const units = writes * dynamoWriteUnit + reads * dynamoReadUnit;
  return (units + 3 * sqsRequest + lambdaDollars(calls * 1e6, LAMBDA_MS.worker) + logDollars(calls)) / steps;
}
