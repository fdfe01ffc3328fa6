/** A part of the log of a run, for pages of its history. Loaded at the first use. */
import type { LogPart, Ref } from "../ports.ts";
import type { Batch } from "../protocol/history.ts";
import type { Context } from "./context.ts";
import { logKey, pkOf } from "./keys.ts";
import { logEndOf } from "./log-end.ts";
import { unpackText } from "./pack.ts";
import { type Item, text, within } from "./table.ts";

/** Of a part of the log, which may end after any of them. */
const UNPACKED_AT_ONCE = 8;
const MAX_PART_ITEMS = 200;

/** Values of the log may be in S3 or compress well, so the sizes of the items say little: batches are unpacked few at a time. */
export async function readPart(
  c: Pick<Context, "tables" | "blobs">,
  p: LogPart & { ref: Ref; run: string },
): Promise<Batch[]> {
  const { ref, run } = p;
  if (p.order === "desc" && p.from < 2) return []; // DynamoDB refuses a range whose end is before its begin
  const { executions } = c.tables;
  const [first, from, last] = [2, p.from, 99_999_999].map((at) => logKey(ref, run, at).sk) as [string, string, string];
  const backwards = { ...within(pkOf(ref), { from: first, to: from }), ScanIndexForward: false };
  const batches: Batch[] = [];
  let [events, bytes] = [0, 0];
  const take = async (items: readonly Item[]) => {
    for (let i = 0; i < items.length; i += UNPACKED_AT_ONCE) {
      const group = items.slice(i, i + UNPACKED_AT_ONCE);
      for (const json of await Promise.all(group.map((item) => unpackText(c.blobs, item.batch)))) {
        const batch = JSON.parse(json) as Batch;
        batches.push(batch);
        events += batch.events.length;
        bytes += Buffer.byteLength(json);
        if (events >= p.events || bytes >= p.bytes) return true;
      }
    }
    return false;
  };
  let query = backwards as Parameters<typeof executions.pages>[0];
  if (p.order === "asc") {
    const around = p.from <= 2 ? null : await executions.first(backwards);
    const start = around && logEndOf(around).tail >= p.from ? text(around, "sk")! : from;
    query = within(pkOf(ref), { from: start, to: last });
  }
  for await (const page of executions.pages({ ...query, limit: () => Math.min(MAX_PART_ITEMS, p.events) })) {
    if (await take(page)) break;
  }
  return batches;
}
