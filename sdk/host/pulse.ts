/**
 * Is the host alive? Its process may live and yet do nothing: stopped, or its loop held by a blocking call.
 *
 * PULSE-1. The core sends a `ping` every `EVERY`. The thread of the host that reads the pipe answers at once, and so does
 *     the loop that runs the activities, as soon as it gets to it.
 * PULSE-2. A loop that is silent for `SLOW` is reported once, with the names of the activities that run: one of them blocks it.
 * PULSE-3. While the loop has been silent for more than `DEAD`, leases are not extended and heartbeats are not sent. The
 *     tasks then come to another worker, as those of any hung worker do.
 * PULSE-4. When the thread has not answered `MISSED` pings in a row, the process is stopped: `onSilent` is called, and `onBack` once
 *     it answers again. Pings are counted, not time: after a machine has slept, one ping is late, not several.
 * PULSE-5. An answer may tell the CPU time and the memory of the host's process, which heartbeats then count.
 */

import type { Clock } from "../../shared/lib/clock.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import type { Log } from "../runtime/log.ts";
import type { Channel } from "./channel.ts";
import type { HostMessage } from "./protocol.ts";

const EVERY: Millis = 5_000;
const SLOW: Millis = 2_000;
const DEAD: Millis = 2 * EVERY + SLOW;
/** So a stopped host is noticed within 15 s. */
const MISSED = 2;

export interface PulseOptions {
  readonly clock: Clock;
  readonly send: Channel["send"];
  readonly log: Log;
  /** Names of the activities that run now. */
  readonly running: () => readonly string[];
  /** PULSE-4. */
  readonly onSilent: () => void;
  readonly onBack: () => void;
}

export class Pulse {
  readonly #options: PulseOptions;
  #number = 0;
  /** When the oldest ping was sent that the loop has not answered; null: it has answered all. */
  #unansweredSince: Millis | null = null;
  #readerAnswered = 0;
  #reported = false;
  #silent = false;
  #timers: (() => void)[] = [];
  #usage: HostMessage<"pong">["usage"];

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  start(): void {
    this.#ping();
  }

  stop(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers = [];
  }

  /** PULSE-3. */
  get alive(): boolean {
    return this.#unansweredSince === null || this.#options.clock.now() - this.#unansweredSince <= DEAD;
  }

  /** PULSE-5. */
  get usage(): HostMessage<"pong">["usage"] {
    return this.#usage;
  }

  answered({ n, loop, usage }: HostMessage<"pong">): void {
    this.#usage = usage ?? this.#usage;
    this.#readerAnswered = Math.max(this.#readerAnswered, n);
    if (this.#silent) {
      this.#silent = false;
      this.#options.onBack();
    }
    if (!loop || n < this.#number) return;
    if (this.#reported) this.#options.log.info("the host's loop answers again");
    this.#unansweredSince = null;
    this.#reported = false;
  }

  #ping(): void {
    const { clock, send, onSilent } = this.#options;
    const now = clock.now();
    if (!this.#silent && this.#number - this.#readerAnswered >= MISSED) {
      this.#silent = true;
      onSilent();
    }
    this.#number += 1;
    this.#unansweredSince ??= now;
    send({ type: "ping", n: this.#number });
    this.#timers = [clock.at(now + SLOW, () => this.#report()), clock.at(now + EVERY, () => this.#ping())];
  }

  /** PULSE-2. */
  #report(): void {
    if (this.#unansweredSince === null || this.#reported) return;
    this.#reported = true;
    const { log, running } = this.#options;
    const activities = running();
    if (this.#readerAnswered < this.#number) {
      log.warn("the host does not answer: its process is stopped, or too busy to run", { activities });
      return;
    }
    const names = activities.length > 0 ? activities.join(", ") : "none; then it is workflow code";
    log.warn(
      `the host's loop has been blocked for ${SLOW / 1000} s. Activities that run: ${names}. A blocking call holds up all the others: use asyncio.to_thread`,
      { activities },
    );
  }
}
