/**
 * Counts the units and requests that the adapter uses, as AWS bills them (from `ReturnConsumedCapacity`, never estimated),
 * and the executions and steps that they were used for. The benchmark prints both per step, handlers write them as metrics.
 */
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { S3Client } from "@aws-sdk/client-s3";
import type { SchedulerClient } from "@aws-sdk/client-scheduler";
import type { SQSClient } from "@aws-sdk/client-sqs";
import type { STSClient } from "@aws-sdk/client-sts";

export interface Usage {
  /** Calls of DynamoDB. */
  dynamo: number;
  /** Write and read request units, including those of indexes. */
  writeUnits: number;
  readUnits: number;
  /** Requests of SQS (64 KB of payload each), S3, STS and EventBridge Scheduler. */
  sqs: number;
  s3: number;
  sts: number;
  scheduler: number;
  /** Answered HTTP requests. */
  requests: number;
  /** Outcomes of activities written to histories. */
  steps: number;
  /** Messages put into inboxes, including repeated ones. */
  messages: number;
  /** Executions. Continuing as new neither starts nor closes one. */
  started: number;
  closed: number;
}

const NOTHING: Usage = {
  dynamo: 0,
  writeUnits: 0,
  readUnits: 0,
  sqs: 0,
  s3: 0,
  sts: 0,
  scheduler: 0,
  requests: 0,
  steps: 0,
  messages: 0,
  started: 0,
  closed: 0,
};

export class Meter {
  readonly #used: Usage = { ...NOTHING };
  /** Units and calls by operation, such as `PutItem`. */
  readonly operations = new Map<string, { calls: number; units: number }>();

  count(usage: Partial<Usage>): void {
    for (const [name, n] of Object.entries(usage) as [keyof Usage, number][]) this.#used[name] += n;
  }

  /** One call of a service. */
  add(operation: string, used: Partial<Usage>): void {
    this.count(used);
    const units = (used.writeUnits ?? 0) + (used.readUnits ?? 0);
    const known = this.operations.get(operation) ?? { calls: 0, units: 0 };
    this.operations.set(operation, { calls: known.calls + 1, units: known.units + units });
  }

  /** The usage since the last `take`. Resets it to zero. */
  take(): Usage {
    const used = { ...this.#used };
    Object.assign(this.#used, NOTHING);
    this.operations.clear();
    return used;
  }

  get used(): Usage {
    return { ...this.#used };
  }
}

interface Capacity {
  readonly CapacityUnits?: number;
  readonly WriteCapacityUnits?: number;
}
const WRITES = new Set(["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"]);
const READS = new Set(["GetItem", "BatchGetItem", "Query"]);

type AnyClient = DynamoDBClient | SQSClient | S3Client | STSClient | SchedulerClient;
type Service = "dynamo" | "sqs" | "s3" | "sts" | "scheduler";
type Count = (operation: string, output: Record<string, unknown>, input: Record<string, unknown>) => Partial<Usage>;

/** Counts the calls of `client` from now on. */
export function metered<C extends AnyClient>(client: C, meter: Meter, service: Service): C {
  const count: Count = service === "dynamo" ? dynamoUsage : service === "sqs" ? sqsUsage : () => ({ [service]: 1 });
  const stack = client.middlewareStack as DynamoDBClient["middlewareStack"];
  stack.add(
    (next, context) => async (args) => {
      const operation = String(context.commandName ?? "").replace(/Command$/, "");
      const input = args.input as unknown as Record<string, unknown>;
      if (service === "dynamo" && (WRITES.has(operation) || READS.has(operation))) {
        (args as { input: unknown }).input = { ...input, ReturnConsumedCapacity: "TOTAL" };
      }
      try {
        const result = await next(args);
        meter.add(operation, count(operation, result.output as unknown as Record<string, unknown>, input));
        return result;
      } catch (error) {
        // AWS also charges a write whose condition fails, and does not say how much: at least one unit.
        const name = (error as Error).name;
        const refused = name === "ConditionalCheckFailedException" ? { writeUnits: 1 } : {};
        meter.add(operation, { [service]: 1, ...refused });
        throw error;
      }
    },
    { step: "initialize", name: "siroccoMeter", override: true },
  );
  return client;
}

const dynamoUsage: Count = (operation, output) => {
  const consumed = output.ConsumedCapacity as Capacity | Capacity[] | undefined;
  const units = [consumed ?? []].flat().reduce((sum, one) => sum + (one.CapacityUnits ?? 0), 0);
  return { dynamo: 1, ...(WRITES.has(operation) ? { writeUnits: units } : { readUnits: units }) };
};

/** SQS charges each 64 KB as a request. */
const sqsUsage: Count = (_operation, output, input) => {
  const sent = typeof input.MessageBody === "string" ? input.MessageBody.length : 0;
  const received = ((output.Messages ?? []) as { Body?: string }[]).reduce((sum, m) => sum + (m.Body?.length ?? 0), 0);
  return { sqs: Math.max(1, Math.ceil((sent + received) / 65_536)) };
};
