/**
 * A world with one clock and one thread of fate. Everything that happens is an event on its calendar; after each, all
 * code that can go on does, and only then comes the next. So a run is a function of its seed.
 *
 * Whoever does something in the world belongs to a process. A process that is killed never goes on: its promises stay
 * open for ever. One that hangs goes on later, unaware.
 */
import type { Millis } from "../../shared/protocol/history.ts";
import { type Faults, NONE } from "./faults.ts";
import { Chance } from "./random.ts";

interface Happening {
  readonly at: Millis;
  readonly order: number;
  readonly fn: () => void;
}

export class Process {
  readonly name: string;
  alive = true;
  hangsUntil: Millis = 0;
  #onDeath: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }
  kill(): void {
    if (!this.alive) return;
    this.alive = false;
    const all = this.#onDeath;
    this.#onDeath = [];
    for (const fn of all) fn();
  }
  onDeath(fn: () => void): void {
    this.#onDeath.push(fn);
  }
}

export const START: Millis = 1_800_000_000_000;
const never = new Promise<never>(() => {});
const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class World {
  readonly chance: Chance;
  faults: Faults;
  now: Millis = START;
  steps = 0;
  /** What happened, for reading after a failure; kept only when asked for. */
  readonly trace: string[] | null;
  readonly #calendar: Happening[] = [];

  constructor(seed: number, faults: Faults, traced = false) {
    this.chance = new Chance(seed);
    this.faults = faults;
    this.trace = traced ? [] : null;
  }

  note(line: () => string): void {
    this.trace?.push(`${String(this.now - START).padStart(8)} ${line()}`);
  }

  /** The answer calls it off. */
  at(at: Millis, fn: () => void): () => void {
    let off = false;
    push(this.#calendar, {
      at: Math.max(at, this.now),
      order: this.chance.next(),
      fn: () => {
        if (!off) fn();
      },
    });
    return () => {
      off = true;
    };
  }

  /** Runs `fn` in a process: never if it is dead by then, later if it hangs. */
  within(process: Process, at: Millis, fn: () => void): () => void {
    return this.at(at, () => this.enter(process, fn));
  }
  enter(process: Process, fn: () => void): void {
    if (!process.alive) return;
    if (process.hangsUntil > this.now) this.at(process.hangsUntil, () => this.enter(process, fn));
    else fn();
  }

  /** A step of a process: takes a moment, or longer; it may not survive it. */
  hop(process: Process, crash: number): Promise<void> {
    if (!process.alive) return never;
    if (this.chance.happens(crash)) {
      this.note(() => `KILLED ${process.name}`);
      process.kill();
      return never;
    }
    return this.pause(process, this.moment());
  }
  pause(process: Process, ms: Millis): Promise<void> {
    if (!process.alive) return never;
    return new Promise((resolve) => this.within(process, this.now + ms, resolve));
  }
  moment(): Millis {
    const { chance, faults } = this;
    if (chance.happens(faults.slowStep))
      return chance.happens(0.2) ? chance.between(10_000, 200_000) : chance.between(100, 10_000);
    return chance.between(1, 12);
  }

  /** Lets the next thing happen, and everything that follows from it at once. False: nothing ever will. */
  async step(): Promise<boolean> {
    const next = pop(this.#calendar);
    if (!next) return false;
    this.now = Math.max(this.now, next.at);
    this.steps += 1;
    next.fn();
    await quiet();
    return true;
  }

  endFaults(): void {
    this.faults = NONE;
    this.note(() => "FAULTS END");
  }
}

const before = (a: Happening, b: Happening) => a.at < b.at || (a.at === b.at && a.order < b.order);

function push(heap: Happening[], x: Happening): void {
  let i = heap.length;
  heap.push(x);
  while (i > 0) {
    const up = (i - 1) >> 1;
    if (!before(x, heap[up]!)) break;
    heap[i] = heap[up]!;
    i = up;
  }
  heap[i] = x;
}

function pop(heap: Happening[]): Happening | undefined {
  const first = heap[0];
  const x = heap.pop();
  if (!first || !x || heap.length === 0) return first;
  let i = 0;
  for (;;) {
    let down = 2 * i + 1;
    if (down >= heap.length) break;
    if (down + 1 < heap.length && before(heap[down + 1]!, heap[down]!)) down += 1;
    if (!before(heap[down]!, x)) break;
    heap[i] = heap[down]!;
    i = down;
  }
  heap[i] = x;
  return first;
}
