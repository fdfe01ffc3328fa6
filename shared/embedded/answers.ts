/** Answers to queries, in memory: a query ends with the request that asked it, so no answer has to survive a restart. */

import type { Answers, Clock } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { QueryAnswer } from "../protocol/worker.ts";
import { Waiters } from "./waiters.ts";

/** An answer that no request has fetched for this long is dropped. */
const KEPT_MS: Millis = 300_000;

export class EmbeddedAnswers implements Answers {
  /** In the order in which they came. */
  readonly #answers = new Map<string, { answer: QueryAnswer; at: Millis }>();
  readonly #waiters: Waiters;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#waiters = new Waiters(clock);
    this.#clock = clock;
  }

  async put(workspace: string, query: string, answer: QueryAnswer) {
    const key = `${workspace} ${query}`;
    const now = this.#clock.now();
    for (const [old, { at }] of this.#answers) {
      if (at > now - KEPT_MS) break;
      this.#answers.delete(old);
    }
    this.#answers.set(key, { answer, at: now });
    this.#waiters.wake(key);
  }

  async wait(workspace: string, query: string, until: Millis, signal?: AbortSignal) {
    const key = `${workspace} ${query}`;
    while (!this.#answers.has(key) && this.#clock.now() < until && !signal?.aborted) {
      await this.#waiters.wait(key, until, signal);
    }
    const found = this.#answers.get(key);
    this.#answers.delete(key);
    return found?.answer ?? null;
  }
}
