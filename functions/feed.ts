/** Takes the change stream of the table Executions into the feed. A record that fails comes again, and all behind it. */
import middy from "@middy/core";
import type { Change } from "../shared/aws/index.ts";
import { envelope } from "./lib/envelope.ts";
import { installation } from "./lib/installation.ts";

/** As much as is used of a record of a DynamoDB stream. */
interface StreamRecord {
  readonly eventName?: string;
  readonly dynamodb: {
    readonly SequenceNumber: string;
    /** Seconds. */
    readonly ApproximateCreationDateTime: number;
    readonly NewImage?: unknown;
  };
}

export const handler = middy<{ Records: readonly StreamRecord[] }, unknown>()
  .use(envelope)
  .handler(async ({ Records }) => {
    const changes: Change[] = Records.filter((record) => record.dynamodb.NewImage !== undefined).map(
      ({ dynamodb }) => ({
        id: dynamodb.SequenceNumber,
        at: dynamodb.ApproximateCreationDateTime * 1000,
        image: decodeBinaries(dynamodb.NewImage) as Change["image"],
      }),
    );
    const again = await installation().feedChanges(changes);
    return { batchItemFailures: again.map((itemIdentifier) => ({ itemIdentifier })) };
  });

/** Lambda hands binary attributes over as base64 text; the SDK's clients hand them over as bytes. */
function decodeBinaries(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeBinaries);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key === "B" && typeof inner === "string") return [key, new Uint8Array(Buffer.from(inner, "base64"))];
      return [key, decodeBinaries(inner)];
    }),
  );
}
