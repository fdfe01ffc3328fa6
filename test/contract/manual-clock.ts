/** A clock that only `advance` moves. Each timer runs at its own time, in the order of those times. */
import type { Clock } from "../../shared/ports.ts";
import type { Millis } from "../../shared/protocol/history.ts";

export const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class ManualClock implements Clock {
  #now: Millis;
  #setBack: Millis = 0;
  #timers: { at: Millis; fn: () => void }[] = [];

  constructor(now: Millis = 1_800_000_000_000) {
    this.#now = now;
  }

  now(): Millis {
    return this.#now;
  }

  steady(): Millis {
    return this.#now + this.#setBack;
  }

  at(at: Millis, fn: () => void): () => void {
    const timer = { at, fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((a) => a !== timer);
    };
  }

  /** Shows an earlier time from now on. Timers stay set for the times that they were set for. */
  setBack(ms: Millis): void {
    this.#now -= ms;
    this.#setBack += ms;
  }

  /** Moves on by `ms` and runs every timer on the way. */
  async advance(ms: Millis): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await turnOfTheLoop();
      const next = this.#timers.filter((a) => a.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((a) => a !== next);
      this.#now = Math.max(this.#now, next.at);
      next.fn();
    }
    this.#now = until;
    await turnOfTheLoop();
  }
}
