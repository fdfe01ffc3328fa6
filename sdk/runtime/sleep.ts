/** `sleep`: a durable timer that code awaits. */

import type { Duration } from "../../shared/lib/duration.ts";
import { commandFrame } from "./frame.ts";
import { waitMs } from "./passed.ts";
import { SleepWait } from "./waits.ts";

/**
 * Waits for seconds or for months, across restarts; a negative number of milliseconds is over at once. `signal` ends the wait early: the promise rejects with the signal's
 * reason, and the timer is cancelled.
 */
export async function sleep(duration: Duration, options: { signal?: AbortSignal } = {}): Promise<void> {
  const { ops, scope } = commandFrame("sleep()");
  const ms = waitMs(ops, duration, "sleep()");
  const cancelled = scope.takeUndelivered();
  if (cancelled) throw cancelled;
  const { signal } = options;
  signal?.throwIfAborted();
  const wait = new SleepWait(ops, scope, ms);
  if (!signal) return wait.promise;
  const abort = () => wait.cancel(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await wait.promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
