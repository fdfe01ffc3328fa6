/** The end of a log as text (LOG-5). Apart from `log-end.ts`, because only the function of workers needs it. */
import type { LogEnd } from "./log-end.ts";

/** For a worker, who hands it back with its next batch. */
export const logEndText = ({ tail, bytes, ttl, blobs, retries, used = "" }: LogEnd): string =>
  `${tail} ${bytes} ${ttl ?? "-"} ${blobs ? 1 : 0} ${retries} ${used}`.trim();

/** Null: not of this form, as from another version. */
export function logEndIn(text: string): LogEnd | null {
  const [, tail, bytes, ttl, blobs, retries, used] =
    /^(\d{1,9}) (\d{1,15}) (\d{1,12}|-) ([01]) (\d{1,9})(?: (\d{1,15} \d{1,15} \d{1,15} \d{1,15}))?$/.exec(text) ?? [];
  if (tail === undefined) return null;
  return {
    tail: Number(tail),
    bytes: Number(bytes),
    ttl: ttl === "-" ? undefined : Number(ttl),
    blobs: blobs === "1",
    retries: Number(retries),
    used,
  };
}
