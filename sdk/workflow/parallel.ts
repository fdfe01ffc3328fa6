/** Many at a time, in order. */

export interface ParallelOptions {
  /** At once. Default 100. */
  concurrency?: number;
}

/**
 * Runs `fn` for each item, at most `concurrency` at a time, and returns the results in the order of the items. Items may
 * come from a list, an iterable, an async iterable (asked for the next one only when there is room), or be the numbers
 * below a count. The first error is thrown; what is already running is left to finish, nothing further is begun.
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
  const room = new Room(concurrency);
  let failed: { error: unknown } | null = null;
  const run = async (item: T, index: number) => {
    try {
      results[index] = await fn(item, index);
    } catch (error) {
      failed ??= { error };
    }
    room.leave(failed !== null);
  };
  for (let index = 0; ; index++) {
    await room.enter();
    if (failed) break;
    const next = await iterator.next();
    if (next.done) {
      room.leave(false);
      await room.empty();
      break;
    }
    void run(next.value, index);
  }
  if (!failed) return results;
  await iterator.return?.();
  throw (failed as { error: unknown }).error;
}

function iteratorOf<T>(items: number | Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  if (typeof items !== "number")
    return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  return Array.from({ length: items }, (_, index) => index)[Symbol.iterator]() as Iterator<T>;
}

/** Counts who is inside, for one who waits at the door. */
class Room {
  readonly #size: number;
  #inside = 0;
  #wake: (() => void) | null = null;
  #open = false;

  constructor(size: number) {
    this.#size = size;
  }

  async enter(): Promise<void> {
    while (this.#inside >= this.#size && !this.#open) await this.#change();
    this.#inside++;
  }

  async empty(): Promise<void> {
    while (this.#inside > 0 && !this.#open) await this.#change();
  }

  /** `open`: nobody need wait any more. */
  leave(open: boolean): void {
    this.#inside--;
    this.#open ||= open;
    this.#wake?.();
    this.#wake = null;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
