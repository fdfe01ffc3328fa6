/** The server's time in this process: the process's own clock, corrected by what the server says. */
import type { Clock } from "../../shared/lib/clock.ts";
import type { Millis } from "../../shared/protocol/history.ts";

/** Smaller differences come from the network. To follow them would let the worker's time go backwards. */
const TOLERANCE_MS: Millis = 50;

export class ServerClock {
  readonly #clock: Clock;
  /** Server time minus ours. */
  #skew: Millis = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The server has just answered that its time is `serverNow`. */
  synchronise(serverNow: Millis): void {
    const skew = serverNow - this.#clock.now();
    if (Math.abs(skew - this.#skew) > TOLERANCE_MS) this.#skew = skew;
  }

  now(): Millis {
    return this.#clock.now() + this.#skew;
  }

  /** A server time as a time of the process's own clock. */
  toLocal(at: Millis): Millis {
    return at - this.#skew;
  }
}
