/** Callers that wait under a key until it is woken, their time is up, or their signal aborts. */

import { onAbort } from "../lib/on-abort.ts";
import type { Clock } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";

export class Waiters {
  readonly #byKey = new Map<string, Set<() => void>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#byKey.size === 0;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  wake(key: string): void {
    const waiting = this.#byKey.get(key);
    this.#byKey.delete(key);
    for (const fn of waiting ?? []) fn();
  }

  wait(key: string, until: Millis, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#byKey.get(key) ?? new Set();
      this.#byKey.set(key, waiting);
      const done = () => {
        cancelTimer();
        stopListening();
        waiting.delete(done);
        if (waiting.size === 0 && this.#byKey.get(key) === waiting) this.#byKey.delete(key);
        resolve();
      };
      const cancelTimer = this.#clock.at(until, done);
      const stopListening = onAbort(signal, done);
      waiting.add(done);
    });
  }
}
