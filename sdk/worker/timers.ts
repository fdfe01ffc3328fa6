/** Timers of one owner, which ends them together. */
import type { Clock } from "../../shared/lib/clock.ts";
import type { Millis } from "../../shared/protocol/history.ts";

export class Timers {
  readonly #clock: Clock;
  readonly #pending = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `fn` after `ms`; the answer cancels it. */
  after(ms: Millis, fn: () => void): () => void {
    const cancel = this.#clock.at(this.#clock.now() + ms, () => {
      this.#pending.delete(cancel);
      fn();
    });
    this.#pending.add(cancel);
    return () => {
      this.#pending.delete(cancel);
      cancel();
    };
  }

  cancelAll(): void {
    for (const cancel of this.#pending) cancel();
    this.#pending.clear();
  }
}
