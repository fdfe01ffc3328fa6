/**
 * Rows that maintenance could not work on. Each is left out of the following rounds for a pause that doubles, so that a
 * damaged row neither ends a round nor fills the log. The list is in memory: after a restart the rows are found again.
 */
import type { Clock, SetAside } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";

const FIRST_MS: Millis = 60_000;
const LONGEST_MS: Millis = 3_600_000;
const MOST = 10_000;

export class EmbeddedSetAside implements SetAside {
  readonly #clock: Clock;
  readonly #entries = new Map<string, { pauseMs: Millis; until: Millis }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    const entry = this.#entries.get(name);
    return entry !== undefined && this.#clock.now() < entry.until;
  }

  add(name: string, how?: "until restart"): void {
    const before = this.#entries.get(name);
    if (!before && this.#entries.size >= MOST) return;
    const pauseMs = before ? Math.min(LONGEST_MS, before.pauseMs * 2) : FIRST_MS;
    const until = how === undefined ? this.#clock.now() + pauseMs : Number.POSITIVE_INFINITY;
    this.#entries.set(name, { pauseMs, until });
  }

  remove(name: string): void {
    this.#entries.delete(name);
  }
}
