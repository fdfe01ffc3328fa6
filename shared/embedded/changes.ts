/** Waking those who wait: after the commit that changed what they wait for, or when their time is up. */

import type { Answers, Changes, Clock, Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { QueryAnswer } from "../protocol/worker.ts";
import type { Database } from "./database.ts";

export class Notifier implements Changes {
  readonly #waiters = new Map<string, Set<() => void>>();
  readonly #pending = new Set<string>();
  readonly #clock: Clock;
  readonly #db: Database;

  constructor(clock: Clock, db: Database) {
    this.#clock = clock;
    this.#db = db;
  }

  /** Wakes at the commit. Called with one argument: something changed; with more: wait for it. */
  execution(ref: Ref): Promise<void>;
  execution(ref: Ref, until: Millis, signal?: AbortSignal): Promise<void>;
  execution(ref: Ref, until?: Millis, signal?: AbortSignal): Promise<void> {
    return this.#either(`x ${ref.workspace} ${ref.execution}`, until, signal);
  }

  feed(workspace: string): Promise<void>;
  feed(workspace: string, until: Millis, signal?: AbortSignal): Promise<void>;
  feed(workspace: string, until?: Millis, signal?: AbortSignal): Promise<void> {
    return this.#either(`f ${workspace}`, until, signal);
  }

  #either(key: string, until?: Millis, signal?: AbortSignal): Promise<void> {
    if (until === undefined) {
      this.#changed(key);
      return Promise.resolve();
    }
    return this.wait(key, until, signal);
  }

  #changed(key: string): void {
    if (!this.#waiters.has(key) || this.#pending.has(key)) return;
    this.#pending.add(key);
    this.#db.afterCommit(() => {
      this.#pending.delete(key);
      this.wake(key);
    });
  }

  wake(key: string): void {
    const waiting = this.#waiters.get(key);
    this.#waiters.delete(key);
    for (const fn of waiting ?? []) fn();
  }

  wait(key: string, until: Millis, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiters.get(key) ?? new Set();
      this.#waiters.set(key, waiting);
      const done = () => {
        cancel();
        signal?.removeEventListener("abort", done);
        waiting.delete(done);
        if (waiting.size === 0 && this.#waiters.get(key) === waiting) this.#waiters.delete(key);
        resolve();
      };
      const cancel = this.#clock.at(until, done);
      waiting.add(done);
      signal?.addEventListener("abort", done);
    });
  }
}

const KEPT: Millis = 300_000;

/** Answers to queries live in memory: a query dies with the request that asked it. One that nobody fetches is dropped. */
export class EmbeddedAnswers implements Answers {
  /** In the order in which they came. */
  readonly #answers = new Map<string, { answer: QueryAnswer; at: Millis }>();
  readonly #changes: Notifier;
  readonly #clock: Clock;

  constructor(changes: Notifier, clock: Clock) {
    this.#changes = changes;
    this.#clock = clock;
  }

  async put(workspace: string, query: string, answer: QueryAnswer) {
    const key = `q ${workspace} ${query}`;
    const now = this.#clock.now();
    for (const [old, { at }] of this.#answers) {
      if (at > now - KEPT) break;
      this.#answers.delete(old);
    }
    this.#answers.set(key, { answer, at: now });
    this.#changes.wake(key);
  }

  async wait(workspace: string, query: string, until: Millis, signal?: AbortSignal) {
    const key = `q ${workspace} ${query}`;
    while (!this.#answers.has(key) && this.#clock.now() < until && !signal?.aborted) {
      await this.#changes.wait(key, until, signal);
    }
    const found = this.#answers.get(key);
    this.#answers.delete(key);
    return found?.answer ?? null;
  }
}
