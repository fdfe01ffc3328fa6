/** Keys of progress reports, apart from `keys.ts` because functions that take steps do not load them. */
import type { Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { pkOf } from "./keys.ts";
import type { Key } from "./table.ts";

export const progressPrefix = (run: string): string => `PROGRESS#${run}#`;
/** Progress that is published later than this after its time counts as published now. */
export const LATE_MS: Millis = 300_000;
/** In the order of time, so that a reader finds what is new (FOLLOW-3). */
export const progressKey = (ref: Ref, run: string, { id, at }: { id: string; at: Millis }): Key => ({
  pk: pkOf(ref),
  sk: progressFrom(run, at) + id,
});
export const progressFrom = (run: string, at: Millis): string =>
  `${progressPrefix(run)}${String(Math.max(0, at)).padStart(15, "0")}#`;
