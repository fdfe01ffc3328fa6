/** Waiting for something to become true in the store. */
import type { Clock } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";

export interface Wait<T> {
  readonly clock: Clock;
  /** Looks no more after this. */
  readonly until: Millis;
  readonly signal: AbortSignal;
  /** Resolves at a change, at `until`, or when `signal` is aborted. */
  readonly change: (until: Millis, signal: AbortSignal) => Promise<void>;
  /** `undefined`: not yet. */
  readonly look: () => Promise<T | undefined>;
}

/** Without a reason of ours each look would make an error with a stack. */
const ENOUGH = "enough";

/**
 * Looks until `look` finds something; `undefined` when the time is up or the caller has gone. It subscribes before each
 * look that may end in a wait, so that a change between looking and waiting is not slept through.
 */
export async function waitFor<T>(p: Wait<T>): Promise<T | undefined> {
  let found = await p.look();
  while (found === undefined && !p.signal.aborted && p.clock.now() < p.until) {
    const enough = new AbortController();
    const leave = () => enough.abort(ENOUGH);
    p.signal.addEventListener("abort", leave);
    try {
      const changed = p.change(p.until, enough.signal);
      found = await p.look();
      if (found === undefined) await changed;
    } finally {
      p.signal.removeEventListener("abort", leave);
      enough.abort(ENOUGH);
    }
  }
  return found ?? p.look();
}
