/** Injects faults into an SDK client: AWS may throttle each attempt of a request, or carry it out and its answer is lost. */
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { S3Client } from "@aws-sdk/client-s3";
import type { SQSClient } from "@aws-sdk/client-sqs";
import type { STSClient } from "@aws-sdk/client-sts";

/** A pseudo-random sequence, the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export type Fault = "throttled" | "answer lost" | undefined;
export interface Attempt {
  /** Such as `PutItem`. */
  readonly operation: string;
  readonly input: Record<string, unknown>;
}

/** Calls `decide` before each attempt, including retries of the SDK. Answers the counts of faults. */
export function inject(client: DynamoDBClient | SQSClient | S3Client | STSClient, decide: (attempt: Attempt) => Fault) {
  const count = { throttled: 0, lost: 0 };
  const stack = client.middlewareStack as DynamoDBClient["middlewareStack"];
  stack.add(
    (next, context) => async (args) => {
      const operation = String(context.commandName ?? "").replace(/Command$/, "");
      const fault = decide({ operation, input: args.input as unknown as Record<string, unknown> });
      if (fault === "throttled") {
        count.throttled += 1;
        throw failure("ProvisionedThroughputExceededException", 400);
      }
      const result = await next(args);
      if (fault !== "answer lost") return result;
      count.lost += 1;
      throw failure("TimeoutError", undefined);
    },
    { step: "deserialize", name: "injectedFaults", override: true },
  );
  return count;
}

function failure(name: string, httpStatusCode: number | undefined): Error {
  return Object.assign(new Error(`injected: ${name}`), { name, $fault: "client", $metadata: { httpStatusCode } });
}
