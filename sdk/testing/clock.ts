/** Time that only moves when it is told to. */
import type { Millis } from "../../shared/protocol/history.ts";

interface Timer {
  readonly at: Millis;
  readonly order: number;
  /** Null: it has run or was cancelled. */
  fn: (() => void) | null;
}

/** So many cancelled timers may lie in the heap before it is made anew without them. */
const LITTER = 1_000;

export class VirtualClock {
  #now: Millis;
  #order = 0;
  /** A binary heap, earliest first; cancelled timers stay until they come up or are too many. */
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
      if (this.#cancelled > LITTER && this.#cancelled > this.#heap.length / 2) this.#tidy();
    };
  }

  /** Time of the next timer; null = none. */
  next(): Millis | null {
    this.#trim();
    return this.#heap[0]?.at ?? null;
  }

  /** Moves on to `at` (never back) and runs what is due by then, in order; answers how many timers ran. */
  moveTo(at: Millis): number {
    this.#now = Math.max(this.#now, at);
    let ran = 0;
    for (this.#trim(); this.#heap[0] && this.#heap[0].at <= this.#now; this.#trim()) {
      const timer = this.#pop();
      const fn = timer.fn!;
      timer.fn = null;
      fn();
      ran += 1;
    }
    return ran;
  }

  #trim(): void {
    while (this.#heap[0]?.fn === null) {
      this.#pop();
      this.#cancelled -= 1;
    }
  }

  #tidy(): void {
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
