/** A clock for tests: its time moves only when a test moves it. */
import type { Millis } from "../../shared/protocol/history.ts";

interface Timer {
  readonly at: Millis;
  readonly order: number;
  /** Null: it has run or was cancelled. */
  fn: (() => void) | null;
}

/** With more cancelled timers than this, and more than living ones, the heap is rebuilt without them. */
const MAX_CANCELLED = 1_000;

export class VirtualClock {
  #now: Millis;
  #order = 0;
  /** A binary heap, earliest first; a cancelled timer stays until it is at the top or too many are cancelled. */
  #heap: Timer[] = [];
  #cancelled = 0;

  constructor(start: Millis) {
    this.#now = start;
  }

  now(): Millis {
    return this.#now;
  }

  at(at: Millis, fn: () => void): () => void {
    const timer: Timer = { at, order: this.#order++, fn };
    this.#push(timer);
    return () => {
      if (timer.fn === null) return;
      timer.fn = null;
      this.#cancelled += 1;
      if (this.#cancelled > MAX_CANCELLED && this.#cancelled > this.#heap.length / 2) this.#dropCancelled();
    };
  }

  /** Time of the next timer; null = none. */
  next(): Millis | null {
    this.#popCancelled();
    return this.#heap[0]?.at ?? null;
  }

  /** Moves on to `at` (never back) and runs what is due by then, in order; answers how many timers ran. */
  moveTo(at: Millis): number {
    this.#now = Math.max(this.#now, at);
    let ran = 0;
    for (this.#popCancelled(); this.#heap[0] && this.#heap[0].at <= this.#now; this.#popCancelled()) {
      const timer = this.#pop();
      const fn = timer.fn!;
      timer.fn = null;
      fn();
      ran += 1;
    }
    return ran;
  }

  #popCancelled(): void {
    while (this.#heap[0]?.fn === null) {
      this.#pop();
      this.#cancelled -= 1;
    }
  }

  #dropCancelled(): void {
    this.#heap = this.#heap.filter((timer) => timer.fn !== null).sort((a, b) => (before(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = timer;
  }

  #pop(): Timer {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

const before = (a: Timer, b: Timer) => a.at < b.at || (a.at === b.at && a.order < b.order);
