/**
 * Waits for a change by polling, because DynamoDB calls no waiting process back. The pause between two reads grows from
 * 50 ms to 1 s while nothing changes, and is short again after a change.
 */

import { LruCache } from "../lib/lru-cache.ts";
import type { Changes, Clock, Ref } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import { pkOf } from "./keys.ts";

const FIRST_MS: Millis = 50;
const LONGEST_MS: Millis = 1_000;
const GROWTH = 1.4;
/** A call later than this after the end of the last pause starts a new backoff. */
const SAME_BACKOFF_MS: Millis = 500;

export class PollBackoff implements Changes {
  readonly #clock: Clock;
  readonly #pauses = new LruCache<{ pause: Millis; ends: Millis }>(10_000);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  waitForHead(ref: Ref, until: Millis, signal?: AbortSignal): Promise<void> {
    return this.#next(pkOf(ref), until, signal);
  }

  waitForExecution(ref: Ref, until: Millis, signal?: AbortSignal): Promise<void> {
    return this.#next(pkOf(ref), until, signal);
  }

  waitForFeed(workspace: string, until: Millis, signal?: AbortSignal): Promise<void> {
    return this.#next(workspace, until, signal);
  }

  /** After a change: the next one may follow soon, so the next pause is short. */
  reset(key: string): void {
    this.#pauses.delete(key);
  }

  #next(key: string, until: Millis, signal?: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const last = this.#pauses.get(key);
    const continues = last !== undefined && now <= last.ends + SAME_BACKOFF_MS;
    const pause = continues ? Math.min(LONGEST_MS, last.pause * GROWTH) : FIRST_MS;
    this.#pauses.set(key, { pause, ends: now + pause });
    return sleep(this.#clock, Math.min(until, now + pause), signal);
  }
}

export function sleep(clock: Clock, until: Millis, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.at(until, done);
    signal?.addEventListener("abort", done);
  });
}
