/** Timers of one owner, which ends them together. Only the next of them is a timer of the process. */
import { type Clock, steadyOf } from "../../shared/lib/clock.ts";
import type { Millis } from "../../shared/protocol/history.ts";

interface Timer {
  /** By the steady clock. */
  readonly at: Millis;
  readonly fn: () => void;
}

export class Timers {
  readonly #clock: Clock;
  readonly #pending = new Set<Timer>();
  /** Not later than the next of them. */
  #armedAt: Millis = Number.POSITIVE_INFINITY;
  #disarm: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `fn` after `ms`; the answer cancels it. */
  after(ms: Millis, fn: () => void): () => void {
    const timer = { at: steadyOf(this.#clock) + ms, fn };
    this.#pending.add(timer);
    if (timer.at < this.#armedAt) this.#arm(timer.at);
    return () => {
      if (this.#pending.delete(timer) && this.#pending.size === 0) this.cancelAll();
    };
  }

  #arm(at: Millis): void {
    this.#disarm?.();
    this.#armedAt = at;
    this.#disarm = this.#clock.at(this.#clock.now() + at - steadyOf(this.#clock), () => this.#fire());
  }

  #fire(): void {
    this.#disarm = null;
    this.#armedAt = Number.POSITIVE_INFINITY;
    const now = steadyOf(this.#clock);
    const due = [...this.#pending].filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
    try {
      // What one of them cancels does not fire.
      for (const timer of due) if (this.#pending.delete(timer)) timer.fn();
    } finally {
      const next = Math.min(...[...this.#pending].map(({ at }) => at)); // of all that are left, though one has thrown
      if (next < this.#armedAt) this.#arm(next);
    }
  }

  cancelAll(): void {
    this.#pending.clear();
    this.#disarm?.();
    this.#disarm = null;
    this.#armedAt = Number.POSITIVE_INFINITY;
  }
}
