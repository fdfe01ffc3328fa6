/**
 * A thread that waits for a message sleeps. To wake it takes a machine, above all a virtual one, as long as many an answer takes: without
 * these rules a step of a workflow that runs alone took 1.2 to 1.5 times as long.
 *
 * AWAKE-1. After a message that may be answered soon, a thread keeps its event loop turning for a while instead of sleeping: a worker and
 *     its server, in two threads of one process or over HTTP on one machine.
 * AWAKE-2. It does so only for short messages, and while few are under way: where many executions go on, their messages travel together,
 *     and others need the processor more. And only where another processor is left to those who answer.
 * AWAKE-3. Where nothing comes in that while several times in a row, the thread sleeps after the next message, then after the next two, and
 *     so on: what is of no use costs next to nothing.
 */
import { availableParallelism } from "node:os";
import { setImmediate as inNextTurn } from "node:timers";

/** As long as a step takes that goes on alone. */
const AWAKE_MS = 0.5;
const FEW = 4;
/** Characters: what is sent for one step of one run has half of that. */
const SHORT = 1_500;
/** How many messages, about, the average length is of. */
const AVERAGED = 8;
/** In a row, before the thread sleeps. */
const FREE_MISSES = 3;
const MOST_SKIPPED = 64;

export interface AwakeOptions {
  readonly processors: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** Calls `fn` in the next turn of the event loop, before which the thread does not sleep. */
  readonly inNextTurn: (fn: () => void) => void;
}

const real: AwakeOptions = {
  processors: availableParallelism(),
  now: performance.now.bind(performance),
  inNextTurn,
};

export class Awake {
  readonly #o: AwakeOptions;
  readonly #turn = () => this.#goOn();
  #averageLength = 0;
  #until = 0;
  #isTurning = false;
  #hasCome = false;
  #misses = 0;
  #skips = 0;

  constructor(options: AwakeOptions = real) {
    this.#o = options;
  }

  /** A message of this length has been sent; so many are under way, among them those that wait for long. */
  sent(characters: number, underWay: number): void {
    this.#averageLength += (characters - this.#averageLength) / AVERAGED;
    const isShort = Math.max(characters, this.#averageLength) <= SHORT;
    if (!isShort || underWay > FEW || this.#o.processors < 2) return;
    if (this.#skips > 0) {
      this.#skips -= 1;
      return;
    }
    this.#until = this.#o.now() + AWAKE_MS;
    this.#hasCome = false;
    if (this.#isTurning) return;
    this.#isTurning = true;
    this.#o.inNextTurn(this.#turn);
  }

  /** A message has come. */
  came(): void {
    if (!this.#isTurning) return; // it may be late
    this.#hasCome = true;
    this.#misses = 0;
  }

  #goOn(): void {
    if (this.#o.now() < this.#until) {
      this.#o.inNextTurn(this.#turn);
      return;
    }
    this.#isTurning = false;
    if (this.#hasCome) return;
    this.#misses += 1;
    if (this.#misses > FREE_MISSES) this.#skips = Math.min(2 ** (this.#misses - FREE_MISSES - 1), MOST_SKIPPED);
  }
}
