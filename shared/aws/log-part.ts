/** A part of the log of a run, for pages of its history. Loaded at the first use. */

import { storedBatch } from "../lib/stored.ts";
import type { LogPart, Ref } from "../ports.ts";
import type { Batch } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { firstOf, logKey, pkOf } from "./keys.ts";
import { logEndOf } from "./log-end.ts";
import { unpackText } from "./pack.ts";
import { type Item, text, within } from "./table.ts";

/** Of a part of the log, which may end after any of them. */
const UNPACKED_AT_ONCE = 8;
const MAX_PART_ITEMS = 200;

/** Values of the log may be in S3 or compress well, so the sizes of the items say little: batches are unpacked few at a time. */
export async function readPart(
  c: Pick<Context, "tables" | "blobs">,
  p: LogPart & { ref: Ref; run: string; closing: Item | null },
): Promise<Batch[]> {
  const { ref, run, closing } = p;
  if (p.order === "desc" && p.from < 2) return []; // DynamoDB refuses a range whose end is before its begin
  const { executions } = c.tables;
  const end = closing ? firstOf(text(closing, "sk")!) - 1 : 99_999_999;
  const until = p.order === "desc" ? Math.min(p.from, end) : p.from;
  const [first, from, last] = [2, until, end].map((at) => logKey(ref, run, at).sk) as [string, string, string];
  const backwards = { ...within(pkOf(ref), { from: first, to: from }), ScanIndexForward: false };
  const batches: Batch[] = [];
  let [events, bytes] = [0, 0];
  const take = async (items: readonly Item[]) => {
    for (let i = 0; i < items.length; i += UNPACKED_AT_ONCE) {
      const group = items.slice(i, i + UNPACKED_AT_ONCE);
      for (const json of await Promise.all(group.map((item) => unpackText(c.blobs, item.batch)))) {
        const batch = storedBatch(json);
        batches.push(batch);
        events += batch.events.length;
        bytes += Buffer.byteLength(json);
        if (events >= p.events || bytes >= p.bytes) return true;
      }
    }
    return false;
  };
  if (closing && p.order === "desc" && p.from > end && (await take([closing]))) return batches;
  const isEmpty = end < 2 || (p.order === "asc" && p.from > end);
  let query = backwards as Parameters<typeof executions.pages>[0];
  if (p.order === "asc" && !isEmpty) {
    const around = p.from <= 2 ? null : await executions.first(backwards);
    const start = around && logEndOf(around).tail >= p.from ? text(around, "sk")! : from;
    query = within(pkOf(ref), { from: start, to: last });
  }
  if (!isEmpty) {
    for await (const page of executions.pages({ ...query, limit: () => Math.min(MAX_PART_ITEMS, p.events) })) {
      if (await take(page)) return batches;
    }
  }
  if (closing && p.order === "asc" && p.from <= logEndOf(closing).tail) await take([closing]);
  return batches;
}
