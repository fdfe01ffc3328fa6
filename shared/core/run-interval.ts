/**
 * The pace of continue-as-new: a run that continues at once, again and again, must not keep a worker and the store busy.
 *
 * PACE-1. `QUICK_RUNS` runs of a chain may follow each other at once; then one begins every `RUN_INTERVAL_MS` (a leaky
 *     bucket, of which the head holds one number: the time at which it is empty again).
 * PACE-2. A run whose history has grown to `LONG_RUN_EVENTS` has done work, and its end does not count.
 * PACE-3. A claim that comes before the run may begin is answered `later`. The run is due at that time, and messages do not
 *     make it begin earlier: otherwise each message could start a run that continues at once.
 * PACE-4. The wait is never longer than `RUN_INTERVAL_MS`, also when a clock was set back.
 */
import type { Head } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";
import { LONG_RUN_EVENTS, QUICK_RUNS, RUN_INTERVAL_MS } from "../protocol/limits.ts";

const BUCKET_MS = QUICK_RUNS * RUN_INTERVAL_MS;

/** `Head.paced_until` of the run after this one, which ends with event `tail`. */
export function nextPace(head: Pick<Head, "paced_until">, tail: number, now: Millis): Millis | null {
  if (tail >= LONG_RUN_EVENTS) return head.paced_until;
  const emptyAt = Math.min(Math.max(head.paced_until ?? now, now), now + BUCKET_MS);
  return emptyAt + RUN_INTERVAL_MS;
}

/** When the run may begin; null = at once. */
export function beginsAt(head: Pick<Head, "paced_until">, now: Millis): Millis | null {
  if (head.paced_until === null) return null;
  const at = head.paced_until - BUCKET_MS;
  return at > now && at <= now + RUN_INTERVAL_MS ? at : null;
}
