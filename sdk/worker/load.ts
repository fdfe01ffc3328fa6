/** What the process of a worker uses. */
import { type Clock, steadyOf } from "../../shared/lib/clock.ts";
import type { Millis } from "../../shared/protocol/history.ts";

export interface Usage {
  /** CPU time since the process began, s. */
  readonly cpuSeconds: number;
  /** Resident memory. */
  readonly memoryBytes: number;
}

export function ownUsage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, memoryBytes: process.memoryUsage.rss() };
}

/** Turns CPU time, which only grows, into cores used between two readings. */
export class LoadMeter {
  readonly #clock: Clock;
  readonly #usage: () => Usage;
  #at: Millis;
  #cpuSeconds: number;

  constructor(clock: Clock, usage: () => Usage) {
    this.#clock = clock;
    this.#usage = usage;
    this.#at = steadyOf(clock);
    this.#cpuSeconds = usage().cpuSeconds;
  }

  read(): { cpu: number; memory_bytes: number } {
    const { cpuSeconds, memoryBytes } = this.#usage();
    const at = steadyOf(this.#clock);
    // A host that has begun again counts from zero.
    const used = Math.max(0, cpuSeconds - this.#cpuSeconds);
    const cpu = at > this.#at ? Math.round((used * 100_000) / (at - this.#at)) / 100 : 0;
    this.#at = at;
    this.#cpuSeconds = cpuSeconds;
    return { cpu, memory_bytes: Math.round(memoryBytes) };
  }
}
