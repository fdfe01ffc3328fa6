/** The item of a batch (LOG-3). Loaded at the first batch; functions that write batches all the time import `close.ts`, which has it. */
import { workOf } from "../core/batch-work.ts";
import { retriesIn } from "../core/retries.ts";
import type { Ref } from "../ports.ts";
import type { Batch } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { payloadOwner } from "./heads.ts";
import { logKey } from "./keys.ts";
import type { LogEnd } from "./log-end.ts";
import { INLINE_ONCE, type Packed, pack } from "./pack.ts";
import { type Item, N, S } from "./table.ts";
import { itemBytes, plus, usedIn, usedText, writeUnits } from "./units.ts";

/** Of the attribute that holds the units. */
const USED_BYTES = 24;
/** Of a message up to 1 KB: its number, its item and the removal of that. */
const MESSAGE_UNITS = 3;
/** What `activities.ts` writes when an attempt from the queue begins. */
const ATTEMPT_UNITS = 1;

export interface LogEntry {
  readonly item: Item;
  /** Its object must be in S3 before the item is written. */
  readonly packed: Packed;
  /** The log's end once the item is written. */
  readonly end: LogEnd;
}

/** `by`: the author of the batch. */
export async function encode(
  c: Context,
  p: { ref: Ref; run: string; batch: Batch; before: LogEnd; by?: "worker" | "server" },
): Promise<LogEntry> {
  const { ref, run, batch, before, by = "worker" } = p;
  const json = JSON.stringify(batch);
  const packed = await pack(json, payloadOwner(ref, run), INLINE_ONCE);
  const blobs = before.blobs || packed.blob !== undefined;
  const bytes = before.bytes + Buffer.byteLength(json);
  const retries = before.retries + retriesIn(batch.events);
  const { pk, sk } = logKey(ref, run, batch.first);
  const item: Item = {
    pk: S(pk),
    sk: S(sk),
    n: N(batch.events.length),
    bytes: N(bytes),
    batch: packed.attribute,
    ...(blobs && { blobs: { BOOL: true } }),
    ...(retries > 0 && { retries: N(retries) }),
    ...(before.ttl !== undefined && { ttl: N(before.ttl) }),
  };
  const { queued, messages } = workOf(batch.events);
  const used = plus(usedIn(before.used), {
    writes: writeUnits(itemBytes(item) + USED_BYTES) + messages * MESSAGE_UNITS + queued * ATTEMPT_UNITS,
    reads: c.tables.executions.takeReads(pk),
    tasks: queued,
    calls: (by === "worker" ? 1 : 0) + 2 * queued,
  });
  item.used = S(usedText(used));
  const tail = batch.first + batch.events.length - 1;
  return { item, packed, end: { tail, bytes, ttl: before.ttl, blobs, retries, used: usedText(used) } };
}
