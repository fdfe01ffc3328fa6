/**
 * Records of the change stream of the table Executions, as Lambda hands them over, and which of them the feed is made of:
 * what is put for the first time of a log or of progress, and a head while nobody has claimed it. The event source lets
 * through the same (`infra/constructs/feed.ts`); it is asked again here, because a record too many could be shown as
 * something new: a log is changed once more when it is given its expiry, long after it was shown.
 */

import type { Change } from "./feed-writer.ts";
import { FED } from "./names.ts";

/** As much as is used of a record of a DynamoDB stream. */
export interface StreamRecord {
  readonly eventName?: string;
  readonly dynamodb: {
    readonly SequenceNumber: string;
    /** Seconds. */
    readonly ApproximateCreationDateTime: number;
    readonly Keys?: { readonly sk?: { readonly S?: string } };
    readonly NewImage?: unknown;
  };
}

/** Null: it shows nothing that was not shown before. */
export function changeOf({ eventName, dynamodb }: StreamRecord): Change | null {
  const { NewImage, Keys, SequenceNumber, ApproximateCreationDateTime } = dynamodb;
  if (NewImage === undefined) return null;
  const image = decodeBinaries(NewImage) as Change["image"];
  const sk = Keys?.sk?.S ?? image.sk?.S ?? "";
  const fed =
    sk === FED.head ? image[FED.unseen] !== undefined : eventName === "INSERT" && FED.put.some((p) => sk.startsWith(p));
  return fed ? { id: SequenceNumber, at: ApproximateCreationDateTime * 1000, image } : null;
}

/**
 * The ids that come again, as Lambda wants them told. It takes up a batch at the first of them, so where that is the first
 * of several, nothing would get smaller: thrown, Lambda halves the batch, until what cannot be taken in is alone, and is
 * set aside alone when its retries are over.
 * @throws Error in that case.
 */
export function comeAgain(records: readonly StreamRecord[], ids: readonly string[]) {
  const first = records[0]?.dynamodb.SequenceNumber;
  if (records.length > 1 && ids.some((id) => id === first)) {
    throw new Error(`record ${first}, the first of ${records.length}, could not be taken into the feed`);
  }
  return { batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) };
}

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
