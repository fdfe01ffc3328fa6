/**
 * Answers to queries, in memory: a query ends with the request that asked it, so no answer has to survive a restart.
 */

import { steadyOf } from "../lib/clock.ts";
import type { Answers, Clock } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { QueryAnswer } from "../protocol/worker.ts";
import { Waiters } from "./waiters.ts";

export class EmbeddedAnswers implements Answers {
  /** The open queries; null: not answered. */
  readonly #open = new Map<string, QueryAnswer | null>();
  readonly #waiters: Waiters;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#waiters = new Waiters(clock);
    this.#clock = clock;
  }

  async open(workspace: string, query: string) {
    this.#open.set(keyOf(workspace, query), null);
  }

  async put(workspace: string, query: string, answer: QueryAnswer) {
    const key = keyOf(workspace, query);
    if (this.#open.get(key) !== null) return;
    this.#open.set(key, answer);
    this.#waiters.wake(key);
  }

  async wait(workspace: string, query: string, until: Millis, signal?: AbortSignal) {
    const key = keyOf(workspace, query);
    const end = steadyOf(this.#clock) + until - this.#clock.now();
    try {
      for (let left = end - steadyOf(this.#clock); left > 0; left = end - steadyOf(this.#clock)) {
        if (this.#open.get(key) || signal?.aborted) break;
        await this.#waiters.wait(key, this.#clock.now() + left, signal);
      }
      return this.#open.get(key) ?? null;
    } finally {
      this.#open.delete(key);
    }
  }
}

const keyOf = (workspace: string, query: string): string => `${workspace} ${query}`;
