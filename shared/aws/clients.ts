/** The clients of AWS's services: made once per process, kept alive, patient with throttling. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import { STSClient } from "@aws-sdk/client-sts";
import { Meter, metered } from "./meter.ts";

export interface Clients {
  readonly dynamo: DynamoDBClient;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  readonly sts: STSClient;
  readonly meter: Meter;
}

export interface ClientOptions {
  /** Default: `AWS_REGION`. */
  readonly region?: string;
  /** Default: `AWS_ENDPOINT_URL`, else AWS itself. */
  readonly endpoint?: string;
  /** Default: what the SDK finds in the environment. */
  readonly credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  readonly meter?: Meter;
}

/** Throttled and failed requests are repeated by the SDK with growing, jittered pauses: about 3 s in all. */
const ATTEMPTS = 7;

export function awsClients(options: ClientOptions = {}): Clients {
  const { region, endpoint, credentials, meter = new Meter() } = options;
  const common = {
    maxAttempts: ATTEMPTS,
    ...(region && { region }),
    ...(endpoint && { endpoint }),
    ...(credentials && { credentials }),
  };
  const requestHandler = { connectionTimeout: 2_000, requestTimeout: 10_000 };
  return {
    meter,
    dynamo: metered(new DynamoDBClient({ ...common, requestHandler }), meter, "dynamo"),
    // Long polls hold a connection each for 20 s.
    sqs: metered(
      new SQSClient({ ...common, requestHandler: { ...requestHandler, requestTimeout: 30_000 } }),
      meter,
      "sqs",
    ),
    // Path style wherever the endpoint is not AWS's own: an emulator has one host name.
    s3: metered(new S3Client({ ...common, requestHandler, forcePathStyle: customEndpoint(endpoint) }), meter, "s3"),
    sts: metered(new STSClient({ ...common, requestHandler }), meter, "sts"),
  };
}

const customEndpoint = (endpoint: string | undefined): boolean =>
  endpoint !== undefined || process.env.AWS_ENDPOINT_URL !== undefined;
