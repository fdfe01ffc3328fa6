/**
 * The time by which old data is deleted. A clock that is set ahead, by a mistake or by a machine that slept, must not delete within
 * seconds what was to be kept for days: the time set ahead counts once the clock has stood so for a day. One that is set back
 * counts at once, because it deletes less.
 */
import { steadyOf } from "../lib/clock.ts";
import type { Clock } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";

const SETTLED_MS: Millis = 86_400_000;
/** What two reads, and a clock that is adjusted all the time, differ by. */
const TOLERANCE_MS: Millis = 60_000;

export class SettledTime {
  readonly #clock: Clock;
  /** How far the clock is ahead of the steady one, as far as that counts. */
  #ahead: Millis;
  /** Since when, by the steady clock, it has been further ahead. */
  #since: Millis | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ahead = clock.now() - steadyOf(clock);
  }

  now(): Millis {
    const steady = steadyOf(this.#clock);
    const ahead = this.#clock.now() - steady;
    if (ahead <= this.#ahead + TOLERANCE_MS) {
      this.#ahead = ahead;
      this.#since = null;
    } else {
      this.#since ??= steady;
      if (steady - this.#since >= SETTLED_MS) {
        this.#ahead = ahead;
        this.#since = null;
      }
    }
    return steady + this.#ahead;
  }
}
