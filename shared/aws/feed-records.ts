/**
 * Records of the change stream of the table Executions, as Lambda delivers them. The feed is built from four kinds: new
 * batches of logs, new progress reports, heads until their first claim, and heads with a closing batch (LOG-6). The event source filters by the same rule
 * (`infra/constructs/feed.ts`). It is checked here again, because any other record could be shown as a new event: an item
 * of a log changes once more when it gets its expiry, long after its events were shown.
 */

import { closingIn } from "./closing-batch.ts";
import type { Change } from "./feed-writer.ts";
import { FED } from "./names.ts";

/** The fields of a record of a DynamoDB stream that are used here. */
export interface StreamRecord {
  readonly eventName?: string;
  /** Lambda's poller adds it. Absent: an operator hands the record in. */
  readonly eventSourceARN?: string;
  readonly dynamodb: {
    readonly SequenceNumber: string;
    /** Seconds. */
    readonly ApproximateCreationDateTime: number;
    readonly Keys?: { readonly sk?: { readonly S?: string } };
    readonly NewImage?: unknown;
  };
}

/** Null = the record adds nothing to the feed. */
export function changeOf({ eventName, dynamodb }: StreamRecord): Change | null {
  const { NewImage, Keys, SequenceNumber, ApproximateCreationDateTime } = dynamodb;
  if (NewImage === undefined) return null;
  const image = decodeBinaries(NewImage) as Change["image"];
  const sk = Keys?.sk?.S ?? image.sk?.S ?? "";
  if (image[FED.copied] !== undefined) return null;
  const change = { id: SequenceNumber, at: ApproximateCreationDateTime * 1000 };
  if (sk === FED.head) {
    if (image[FED.unseen] !== undefined) return { ...change, image };
    // An operator's copy of the table inserts heads whose runs were shown long ago.
    const closing = eventName === "MODIFY" && image[FED.closing] ? closingIn(image) : null;
    return closing ? { ...change, image: closing } : null;
  }
  return eventName === "INSERT" && FED.put.some((p) => sk.startsWith(p)) ? { ...change, image } : null;
}

/**
 * Lambda's form for the records to deliver again. Lambda resumes a batch at the first of them. Where that is the first
 * record of several, the same batch would come again whole. After an error Lambda halves the batch instead, until the
 * failing record is alone, and moves that one alone to the dead-letter queue when its retries are over.
 * @throws Error in that case.
 */
export function batchItemFailures(records: readonly StreamRecord[], ids: readonly string[]) {
  const first = records[0]?.dynamodb.SequenceNumber;
  if (records.length > 1 && ids.some((id) => id === first)) {
    throw new Error(`feed: record ${first}, the first of ${records.length}, was not appended: Lambda halves the batch`);
  }
  return { batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) };
}

/** Lambda delivers binary attributes as base64 text, the SDK's clients as bytes. */
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
