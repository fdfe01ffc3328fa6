/** The clock as a port, and the real one. */
import type { Millis } from "../protocol/history.ts";

export interface Clock {
  now(): Millis;
  /** Calls `fn` at `at` or soon after, once; the answer cancels it. */
  at(at: Millis, fn: () => void): () => void;
}

const LONGEST = 2 ** 31 - 1; // setTimeout fires at once beyond this

export const realClock: Clock = {
  now: () => Date.now(),
  at(at, fn) {
    let timer: NodeJS.Timeout;
    const arm = () => {
      const wait = at - Date.now();
      timer = wait > LONGEST ? setTimeout(arm, LONGEST) : setTimeout(fn, Math.max(0, wait));
    };
    arm();
    return () => clearTimeout(timer);
  },
};
