/** A clock that moves only when told to. What it wakes runs at its own time, in the order of those times. */
import type { Clock } from "../../shared/ports.ts";
import type { Millis } from "../../shared/protocol/history.ts";

export const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class ManualClock implements Clock {
  #now: Millis;
  #alarms: { at: Millis; fn: () => void }[] = [];

  constructor(now: Millis = 1_800_000_000_000) {
    this.#now = now;
  }

  now(): Millis {
    return this.#now;
  }

  at(at: Millis, fn: () => void): () => void {
    const timer = { at, fn };
    this.#alarms.push(timer);
    return () => {
      this.#alarms = this.#alarms.filter((a) => a !== timer);
    };
  }

  /** Moves on by `ms`, letting everything that wakes on the way run. */
  async advance(ms: Millis): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await turnOfTheLoop();
      const next = this.#alarms.filter((a) => a.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#alarms = this.#alarms.filter((a) => a !== next);
      this.#now = Math.max(this.#now, next.at);
      next.fn();
    }
    this.#now = until;
    await turnOfTheLoop();
  }
}
