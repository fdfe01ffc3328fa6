/**
 * The server's time in this process: the process's steady clock, corrected by what the server says. Setting the machine's
 * clock changes it by nothing: no timer of a workflow fires early, and no attempt is timed out.
 */
import { type Clock, steadyOf } from "../../shared/lib/clock.ts";
import type { Millis } from "../../shared/protocol/history.ts";

/** Smaller differences come from the network. To follow them would let the worker's time go backwards. */
const TOLERANCE_MS: Millis = 50;

export class ServerClock {
  readonly #clock: Clock;
  /** Server time minus the steady clock. */
  #ahead: Millis;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ahead = clock.now() - steadyOf(clock);
  }

  /** The server has just answered that its time is `serverNow`. */
  synchronise(serverNow: Millis): void {
    const ahead = serverNow - steadyOf(this.#clock);
    if (Math.abs(ahead - this.#ahead) > TOLERANCE_MS) this.#ahead = ahead;
  }

  now(): Millis {
    return steadyOf(this.#clock) + this.#ahead;
  }

  /** A server time as a time of the process's own clock, as it is set now. */
  toLocal(at: Millis): Millis {
    return this.#clock.now() + at - this.now();
  }
}
