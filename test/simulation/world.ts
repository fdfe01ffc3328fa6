/**
 * A world with one clock and one calendar of events. After each event the world runs all code that can go on, and only
 * then the next event. So a run is a function of its seed.
 *
 * All code in the world belongs to a process. A killed process never goes on: its promises stay open for ever. A process
 * that hangs goes on later, and does not know that it stopped.
 */
import type { Millis } from "../../shared/protocol/history.ts";
import { type Faults, NONE } from "./faults.ts";
import { Chance } from "./random.ts";

interface CalendarEvent {
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
const runReadyCode = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class World {
  readonly chance: Chance;
  faults: Faults;
  now: Millis = START;
  steps = 0;
  /** One line per event, to be read after a failure; null: not recorded. */
  readonly trace: string[] | null;
  readonly #calendar: CalendarEvent[] = [];

  constructor(seed: number, faults: Faults, traced = false) {
    this.chance = new Chance(seed);
    this.faults = faults;
    this.trace = traced ? [] : null;
  }

  note(line: () => string): void {
    this.trace?.push(`${String(this.now - START).padStart(8)} ${line()}`);
  }

  /** Calls `fn` at `at`. The returned function cancels the call. */
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

  /** Runs `fn` in a process: never if the process is dead by then, later if it hangs. */
  within(process: Process, at: Millis, fn: () => void): () => void {
    return this.at(at, () => this.enter(process, fn));
  }
  enter(process: Process, fn: () => void): void {
    if (!process.alive) return;
    if (process.hangsUntil > this.now) this.at(process.hangsUntil, () => this.enter(process, fn));
    else fn();
  }

  /** A step of a process: takes milliseconds, or longer; with probability `crash` the process dies at it. */
  takeStep(process: Process, crash: number): Promise<void> {
    if (!process.alive) return never;
    if (this.chance.happens(crash)) {
      this.note(() => `KILLED ${process.name}`);
      process.kill();
      return never;
    }
    return this.pause(process, this.stepMs());
  }
  pause(process: Process, ms: Millis): Promise<void> {
    if (!process.alive) return never;
    return new Promise((resolve) => this.within(process, this.now + ms, resolve));
  }
  stepMs(): Millis {
    const { chance, faults } = this;
    if (chance.happens(faults.slowStep))
      return chance.happens(0.2) ? chance.between(10_000, 200_000) : chance.between(100, 10_000);
    return chance.between(1, 12);
  }

  /** Runs the next event, and all code that can go on after it. False: the calendar is empty. */
  async step(): Promise<boolean> {
    const next = pop(this.#calendar);
    if (!next) return false;
    this.now = Math.max(this.now, next.at);
    this.steps += 1;
    next.fn();
    await runReadyCode();
    return true;
  }

  endFaults(): void {
    this.faults = NONE;
    this.note(() => "FAULTS END");
  }
}

const before = (a: CalendarEvent, b: CalendarEvent) => a.at < b.at || (a.at === b.at && a.order < b.order);

function push(heap: CalendarEvent[], x: CalendarEvent): void {
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

function pop(heap: CalendarEvent[]): CalendarEvent | undefined {
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
