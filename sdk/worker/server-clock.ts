/**
 * The server's time in this process: the process's steady clock, corrected by what the server says. Setting the machine's
 * clock changes it by nothing: no timer of a workflow fires early, and no attempt is timed out.
 */
import { type Clock, steadyOf } from "../../shared/lib/clock.ts";
import type { Millis } from "../../shared/protocol/history.ts";

/** Smaller differences come from roundings and from clocks of other servers. To follow them would let the worker's time go backwards. */
const TOLERANCE_MS: Millis = 50;

export class ServerClock {
  readonly #clock: Clock;
  /** Server time minus the steady clock. */
  #ahead: Millis;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ahead = clock.now() - steadyOf(clock);
  }

  /**
   * The server has just answered that its time is `serverNow`, to a call that was sent at `sent` of the steady clock. It read its clock at
   * some time between the two, so the answer corrects the time only where it proves it wrong: a slow answer sets nothing back.
   */
  synchronise(serverNow: Millis, sent: Millis): void {
    const earliest = serverNow - steadyOf(this.#clock);
    const latest = serverNow - sent;
    if (this.#ahead < earliest - TOLERANCE_MS) this.#ahead = earliest;
    else if (this.#ahead > latest + TOLERANCE_MS) this.#ahead = latest;
  }

  now(): Millis {
    return steadyOf(this.#clock) + this.#ahead;
  }

  /** A server time as a time of the process's own clock, as it is set now. */
  toLocal(at: Millis): Millis {
    return this.#clock.now() + at - this.now();
  }
}
