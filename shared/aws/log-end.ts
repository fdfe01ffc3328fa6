import { firstOf } from "./keys.ts";
import { type Item, number, text } from "./table.ts";

/** The facts of LOG-3 at the end of a batch. */
export interface LogEnd {
  readonly tail: number;
  readonly bytes: number;
  /** Seconds; undefined: the run has no deadline. */
  readonly ttl: number | undefined;
  readonly blobs: boolean;
  readonly retries: number;
  /** `usedText` of the batches; undefined: there are none. */
  readonly used: string | undefined;
}
export function logEndOf(item: Item): LogEnd {
  return {
    tail: firstOf(text(item, "sk")!) + number(item, "n")! - 1,
    bytes: number(item, "bytes")!,
    ttl: number(item, "ttl"),
    blobs: item.blobs?.BOOL ?? false,
    retries: number(item, "retries") ?? 0,
    used: text(item, "used"),
  };
}
