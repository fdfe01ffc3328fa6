/**
 * The delay of a due time. It follows from the schedule and the nominal time alone and must never change, so that restarts,
 * previews and real starts agree. Schedules are spread evenly, even if their names differ in one character.
 */
import { hash32 } from "../../protocol/hash32.ts";

/** Milliseconds in `[0, maxMs)`; 0 if `maxMs` is 0. */
export function delayOf(seed: string, nominalMs: number, maxMs: number): number {
  if (maxMs <= 0) return 0;
  return Math.floor((hash32(seed, nominalMs / 1000) / 2 ** 32) * maxMs);
}
