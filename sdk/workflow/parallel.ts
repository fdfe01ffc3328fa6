/** `parallel`: runs a function for many items, with a limit on how many run at a time. */

import { CancelledError, isFailure } from "../errors.ts";

export interface ParallelOptions {
  /** How many items are worked on at a time. Default 100. */
  concurrency?: number;
}

/**
 * Runs `fn` for each item, at most `concurrency` at a time, and returns the results in the order of the items. `items` is a
 * list, an iterable, an async iterable (asked for its next item only when a slot is free), or a count, whose items are the
 * numbers below it. The first error is thrown: no further item is begun, and calls that are running are not interrupted.
 */
export async function parallel<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  fn: (item: T, index: number) => Promise<R> | R,
  options?: ParallelOptions,
): Promise<R[]>;
export async function parallel<R>(
  count: number,
  fn: (index: number, same: number) => Promise<R> | R,
  options?: ParallelOptions,
): Promise<R[]>;
export async function parallel<T, R>(
  items: number | Iterable<T> | AsyncIterable<T>,
  fn: (item: T, index: number) => Promise<R> | R,
  { concurrency = 100 }: ParallelOptions = {},
): Promise<R[]> {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`parallel(), concurrency: ${concurrency} is not a whole number from 1.`);
  }
  const iterator = iteratorOf<T>(items);
  const results: R[] = [];
  const slots = new Slots(concurrency);
  let failed: { error: unknown } | null = null;
  const run = async (item: T, index: number) => {
    try {
      results[index] = await fn(item, index);
    } catch (error) {
      failed ??= { error };
    }
    slots.release(failed !== null);
  };
  for (let index = 0; ; index++) {
    await slots.acquire();
    if (failed) break;
    const next = await iterator.next();
    if (next.done) {
      slots.release(false);
      await slots.allReleased();
      break;
    }
    void run(next.value, index);
  }
  if (!failed) return results;
  await iterator.return?.();
  throw (failed as { error: unknown }).error;
}

/**
 * As `parallel`, but each item has an outcome of its own, in the form of `Promise.allSettled`: a failure of one keeps no other
 * from beginning. A cancellation of the execution, and an error that is a bug of the code, are thrown.
 */
export async function parallelSettled<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  fn: (item: T, index: number) => Promise<R> | R,
  options?: ParallelOptions,
): Promise<PromiseSettledResult<R>[]>;
export async function parallelSettled<R>(
  count: number,
  fn: (index: number, same: number) => Promise<R> | R,
  options?: ParallelOptions,
): Promise<PromiseSettledResult<R>[]>;
export async function parallelSettled<T, R>(
  items: number | Iterable<T> | AsyncIterable<T>,
  fn: (item: T, index: number) => Promise<R> | R,
  options: ParallelOptions = {},
): Promise<PromiseSettledResult<R>[]> {
  const settled = async (item: T, index: number): Promise<PromiseSettledResult<R>> => {
    try {
      return { status: "fulfilled", value: await fn(item, index) };
    } catch (reason) {
      if (reason instanceof CancelledError || !isFailure(reason)) throw reason;
      return { status: "rejected", reason };
    }
  };
  return parallel(items as Iterable<T>, settled, options);
}

function iteratorOf<T>(items: number | Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  if (typeof items !== "number")
    return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  return Array.from({ length: items }, (_, index) => index)[Symbol.iterator]() as Iterator<T>;
}

/** Counts the running calls, for one loop that waits for a free slot. */
class Slots {
  readonly #size: number;
  #running = 0;
  #wake: (() => void) | null = null;
  #stopped = false;

  constructor(size: number) {
    this.#size = size;
  }

  async acquire(): Promise<void> {
    while (this.#running >= this.#size && !this.#stopped) await this.#change();
    this.#running++;
  }

  async allReleased(): Promise<void> {
    while (this.#running > 0 && !this.#stopped) await this.#change();
  }

  /** `stop`: the loop must not wait any more. */
  release(stop: boolean): void {
    this.#running--;
    this.#stopped ||= stop;
    this.#wake?.();
    this.#wake = null;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
