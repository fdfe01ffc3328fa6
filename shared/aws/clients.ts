/**
 * The clients of AWS's services: one of each per process, with connections kept alive and retries when throttled.
 *
 * CLIENT-1. Every call ends, also where a firewall drops its packets: all attempts of a call fit into the 29 s of a REST
 *     request. Without `throwOnRequestTimeout` the SDK only warns. `socketTimeout` ends an answer that stops half-way.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { EventBridge } from "./event-bridge.ts";
import { Meter, metered } from "./meter.ts";
import type { S3 } from "./s3.ts";
import type { Sts } from "./sts.ts";

/** A client that is loaded and created at its first use, so that a cold start loads only the clients it needs. */
export type Lazy<T> = () => Promise<T>;

export interface Clients {
  readonly dynamo: DynamoDBClient;
  readonly sqs: SQSClient;
  readonly s3: Lazy<S3>;
  readonly sts: Lazy<Sts>;
  readonly scheduler: Lazy<EventBridge>;
  readonly meter: Meter;
  /** Closes the connections of the clients that were created. */
  destroy(): Promise<void>;
}

export interface ClientOptions {
  /** Default: `AWS_REGION`. */
  readonly region?: string;
  /** Default: `AWS_ENDPOINT_URL`, else AWS itself. */
  readonly endpoint?: string;
  /** Default: the credentials that the SDK finds in the environment. */
  readonly credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  readonly meter?: Meter;
}

/** The SDK repeats throttled and failed requests with exponential backoff and jitter: about 3 s in all. */
const ATTEMPTS = 7;
const timeouts = (requestTimeout: number) => ({
  connectionTimeout: 2_000,
  requestTimeout,
  socketTimeout: requestTimeout + 2_000,
  throwOnRequestTimeout: true,
});
/** DynamoDB and SQS answer in milliseconds, the largest page of a query within a second. */
const QUICK = { requestHandler: timeouts(3_000), maxAttempts: ATTEMPTS };
/** Objects of megabytes, and calls that are made once an hour. */
const SLOW = { requestHandler: timeouts(8_000), maxAttempts: 3 };

export function awsClients(options: ClientOptions = {}): Clients {
  const { region, endpoint, credentials, meter = new Meter() } = options;
  const common = {
    ...(region && { region }),
    ...(endpoint && { endpoint }),
    ...(credentials && { credentials }),
  };
  const dynamo = metered(new DynamoDBClient({ ...common, ...QUICK }), meter, "dynamo");
  // A long poll is silent for its wait: its caller gives a longer timeout, and the socket must allow that.
  const requestHandler = { ...QUICK.requestHandler, socketTimeout: 30_000 };
  const sqs = metered(new SQSClient({ ...common, ...QUICK, requestHandler }), meter, "sqs");

  const made = new Set<Promise<{ client: { destroy(): void } }>>();
  function lazy<T extends { client: { destroy(): void } }>(make: () => Promise<T>): Lazy<T> {
    const load = lazily(make);
    return () => {
      const one = load();
      made.add(one);
      return one;
    };
  }
  return {
    meter,
    dynamo,
    sqs,
    s3: lazy(async () => {
      const { S3 } = await import("./s3.ts");
      // Path style where the endpoint is not AWS's: an emulator has one host name for all buckets.
      const s3 = new S3({ ...common, ...SLOW, forcePathStyle: customEndpoint(endpoint) });
      metered(s3.client, meter, "s3");
      return s3;
    }),
    sts: lazy(async () => {
      const { Sts } = await import("./sts.ts");
      const sts = new Sts({ ...common, ...SLOW });
      metered(sts.client, meter, "sts");
      return sts;
    }),
    scheduler: lazy(async () => {
      const { EventBridge } = await import("./event-bridge.ts");
      const scheduler = new EventBridge({ ...common, ...SLOW });
      metered(scheduler.client, meter, "scheduler");
      return scheduler;
    }),
    async destroy() {
      const loaded = (await Promise.allSettled(made)).flatMap((one) => (one.status === "fulfilled" ? one.value : []));
      for (const client of [dynamo, sqs, ...loaded.map((one) => one.client)]) client.destroy();
    },
  };
}

/** One instance for all callers. A failed load rejects the callers that wait for it, and the next call loads again. */
export function lazily<T>(make: () => Promise<T>): Lazy<T> {
  let one: Promise<T> | undefined;
  return () => {
    one ??= make().catch((error) => {
      one = undefined;
      throw error;
    });
    return one;
  };
}

const customEndpoint = (endpoint: string | undefined): boolean =>
  endpoint !== undefined || process.env.AWS_ENDPOINT_URL !== undefined;
