/** Durable waiting for a length of time. */

import type { Duration } from "../../shared/lib/duration.ts";
import { milliseconds } from "../../shared/lib/duration.ts";
import { commandFrame } from "../determinism/frame.ts";
import { SleepWait } from "./waits.ts";

/**
 * Waits, durably: for seconds or for months, across restarts. `signal` ends the wait early: it rejects with the
 * signal's reason and the timer is dropped.
 */
export async function sleep(duration: Duration, options: { signal?: AbortSignal } = {}): Promise<void> {
  const { instance, scope } = commandFrame("sleep()");
  const ms = milliseconds(duration, "sleep()");
  const cancelled = scope.takeUndelivered();
  if (cancelled) throw cancelled;
  const { signal } = options;
  signal?.throwIfAborted();
  const wait = new SleepWait(instance, scope, ms);
  if (!signal) return wait.promise;
  const abort = () => wait.cancel(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await wait.promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
