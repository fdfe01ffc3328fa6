/** The one way in which the API waits for the store: subscribe, look, wait for a change, look again. */
import { steadyOf } from "../lib/clock.ts";
import { onAbort } from "../lib/on-abort.ts";
import type { Clock } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";

/** An abort reason of our own: the default reason is an error, whose stack would be captured for each subscription. */
const UNSUBSCRIBED = "unsubscribed";

/** Runs `work`, with a signal for its subscriptions: they end when `work` does, or when `signal` aborts. */
export async function withSubscriptions<T>(signal: AbortSignal, work: (ended: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  // A listener, and not `AbortSignal.any`, which costs a waiting caller ten times as much at each change.
  const stopListening = onAbort(signal, () => over.abort(signal.reason));
  try {
    return await work(over.signal);
  } finally {
    stopListening();
    over.abort(UNSUBSCRIBED);
  }
}

export interface Wait<T> {
  /** Undefined: not yet. */
  readonly look: () => Promise<T | undefined>;
  /** Resolves at a change, at `until`, or when `signal` aborts. */
  readonly change: (until: Millis, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  /** When the wait ends, with one last look. */
  readonly until: Millis;
  readonly signal: AbortSignal;
}

/** What `look` finds; undefined once the time is up or the caller has gone. */
export async function waitFor<T>({ look, change, clock, until, signal }: Wait<T>): Promise<T | undefined> {
  // A machine's clock that is set back meanwhile makes the wait no longer.
  const end = steadyOf(clock) + until - clock.now();
  return withSubscriptions(signal, async (ended) => {
    for (;;) {
      const left = end - steadyOf(clock);
      if (signal.aborted || left <= 0) return look();
      const changed = change(clock.now() + left, ended); // before the look, which then misses no change
      const found = await look();
      if (found !== undefined) return found;
      await changed;
    }
  });
}
