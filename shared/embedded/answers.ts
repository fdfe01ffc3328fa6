/**
 * Answers to queries, in memory: a query ends with the request that asked it, so no answer has to survive a restart. An
 * answer that no request of this process waits for is dropped: nobody has asked, or the time was up.
 */

import { steadyOf } from "../lib/clock.ts";
import type { Answers, Clock } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { QueryAnswer } from "../protocol/worker.ts";
import { Waiters } from "./waiters.ts";

export class EmbeddedAnswers implements Answers {
  /** Of requests that have been woken and have not run yet. */
  readonly #answers = new Map<string, QueryAnswer>();
  readonly #waiters: Waiters;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#waiters = new Waiters(clock);
    this.#clock = clock;
  }

  async put(workspace: string, query: string, answer: QueryAnswer) {
    const key = `${workspace} ${query}`;
    if (!this.#waiters.has(key)) return;
    this.#answers.set(key, answer);
    this.#waiters.wake(key);
  }

  async wait(workspace: string, query: string, until: Millis, signal?: AbortSignal) {
    const key = `${workspace} ${query}`;
    const end = steadyOf(this.#clock) + until - this.#clock.now();
    for (let left = end - steadyOf(this.#clock); left > 0; left = end - steadyOf(this.#clock)) {
      if (this.#answers.has(key) || signal?.aborted) break;
      await this.#waiters.wait(key, this.#clock.now() + left, signal);
    }
    const found = this.#answers.get(key);
    this.#answers.delete(key);
    return found ?? null;
  }
}
