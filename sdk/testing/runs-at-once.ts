/**
 * TESTENV-5. Runs that continue as new again and again while time stands still would keep every call of a test waiting for ever:
 *     the pace of short runs (PACE-1) needs time, and long ones (PACE-2) have none. After `maxRunsAtOnce` runs of one execution at
 *     one moment, such a call fails with an error that names the execution.
 */
import type { Millis } from "../../shared/protocol/history.ts";

export const MAX_RUNS_AT_ONCE = 50;

export class RunsAtOnce {
  readonly #most: number;
  readonly #now: () => Millis;
  readonly #counts = new Map<string, number>();
  #at: Millis = 0;

  constructor(most: number, now: () => Millis) {
    this.#most = most;
    this.#now = now;
  }

  continued(execution: string): void {
    this.#forgetEarlier();
    this.#counts.set(execution, (this.#counts.get(execution) ?? 0) + 1);
  }

  check(): void {
    this.#forgetEarlier();
    for (const [execution, count] of this.#counts) {
      if (count <= this.#most) continue;
      throw new Error(
        `execution '${execution}' has continued as new more than ${this.#most} times without time moving. If it would go on so for ever, let it wait for time or a message before it continues; if it needs more runs at once, call testEnvironment({ maxRunsAtOnce })`,
      );
    }
  }

  #forgetEarlier(): void {
    const now = this.#now();
    if (now === this.#at) return;
    this.#at = now;
    this.#counts.clear();
  }
}
