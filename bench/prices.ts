/** List prices in US dollars: us-east-1, on demand, without free tiers. */
export const PRICES = {
  asOf: "2026-11-01",
  /** Per million. */
  perMillion: {
    dynamoWriteUnit: 0.625,
    dynamoReadUnit: 0.125,
    sqsRequest: 0.4,
    s3Put: 5,
    lambdaRequest: 0.2,
    apiGatewayRest: 3.5,
    schedulerInvocation: 1,
  },
  perMonth: { alarm: 0.1, customMetric: 0.3 },
  /** CloudWatch, per GB. */
  logIngestion: 0.5,
  /** Lambda on Arm, per GB and second. */
  lambdaGbSecond: 0.0000133334,
  /** Per GB and month. */
  dynamoStorage: 0.25,
} as const;

/** Billed time of one warm invocation of each kind, ms. An assumption: the times of the emulator are not those of AWS. */
export const LAMBDA_MS = { worker: 8, rest: 15, feed: 20, sweeper: 100 } as const;
export const LAMBDA_GB = 0.5;

export const lambdaDollars = (invocations: number, ms: number): number =>
  invocations * (PRICES.perMillion.lambdaRequest / 1e6 + (ms / 1000) * LAMBDA_GB * PRICES.lambdaGbSecond);
