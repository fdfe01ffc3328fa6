/** Calls of SQS that take several receipts at once. Without the SQS client, so that a worker's bundle stays free of it. */

/** The most entries that SQS takes in one call, and the most messages that it gives out in one receive. */
export const SQS_BATCH = 10;

export interface ReceiptEntry {
  readonly Id: string;
  readonly ReceiptHandle: string;
}
/** An entry that SQS did not accept. `SenderFault: false`: the cause was on its side, such as a throttle. */
export interface FailedEntry {
  readonly Id?: string | undefined;
  readonly SenderFault?: boolean | undefined;
}

/**
 * Calls `call` with at most ten receipts at a time, all of one queue. Answers the receipts that SQS refused; one that
 * failed through SQS's own fault is still leased, and the caller's next round sends it again.
 */
export async function callInBatches(
  receipts: readonly string[],
  handleOf: (receipt: string) => string,
  call: (entries: ReceiptEntry[]) => Promise<readonly FailedEntry[] | undefined>,
): Promise<string[]> {
  const refused: string[] = [];
  for (let i = 0; i < receipts.length; i += SQS_BATCH) {
    const batch = receipts.slice(i, i + SQS_BATCH);
    const failed = await call(batch.map((receipt, n) => ({ Id: String(n), ReceiptHandle: handleOf(receipt) })));
    for (const { Id, SenderFault } of failed ?? []) if (SenderFault !== false) refused.push(batch[Number(Id)]!);
  }
  return refused;
}
