/**
 * Wakes the schedules of an installation that is one process: one timer, set for the earliest wake-up time of all schedules.
 *
 * TIMER-1. The store says which schedules are due. The timer only says when to look, so after a restart one look is enough.
 * TIMER-2. An operating system timer counts elapsed time: it stops while the machine is suspended, and it does not follow a
 *     clock that is set. So the timer is never set further ahead than `recheckMs`; a look that is too early does nothing.
 * TIMER-3. A schedule that cannot be woken (its item is broken, the store fails) is not tried again for a minute, so that it
 *     does not delay the others.
 * TIMER-4. After the clock was set back, the time of the next attempt of a pending effect may lie far ahead. So the timer, which
 *     compares the clock with the steady one at each look, has pending effects performed at once.
 */
import { steadyOf } from "../../lib/clock.ts";
import { nextTurn } from "../../lib/turns.ts";
import type { DueSchedule, Ports, ScheduleKey } from "../../ports.ts";
import type { Millis } from "../../protocol/history.ts";
import { wakeSchedule } from "./wake.ts";

/** Due schedules that one query reads. */
const BATCH = 500;
/** Schedules that are woken concurrently: a store may write what they decide together. */
const TOGETHER = 20;
/**
 * After this long the timer yields to the event loop. The store commits once per turn of the loop: a shorter slice would make
 * a large batch wait for many commits, a longer one would delay other requests.
 */
const SLICE_MS = 20;
/** TIMER-3. */
const BROKEN_RETRY_MS = 60_000;
/** TIMER-4. Less is the daily work of a time service, and delays an attempt by as little. */
const SET_BACK_MS = 1_000;
/** Pause after a failed query. */
const FAILED_RETRY_MS = 1_000;
const nameOf = ({ workspace, schedule }: ScheduleKey) => `${workspace}/${schedule}`;

export interface ScheduleTimerOptions {
  readonly ports: Ports;
  /** Longest time between two looks, ms; null: no limit, for a clock that is never set. */
  readonly recheckMs: Millis | null;
  /** Performs the effects that have no result yet. TIMER-4. */
  readonly recover: () => Promise<void>;
}

export class ScheduleTimer {
  readonly #o: ScheduleTimerOptions;
  /** Schedules that could not be woken, and when each is tried again. */
  readonly #broken = new Map<string, Millis>();
  #cancel: (() => void) | null = null;
  #setFor = Number.POSITIVE_INFINITY;
  #running = false;
  /** The earliest time given to `lookBy` while busy. */
  #askedFor = Number.POSITIVE_INFINITY;
  /** What was done to the clock until the last look: its time less the steady time. */
  #clockError = Number.NEGATIVE_INFINITY;
  /** Schedules are being woken. */
  busy = false;

  constructor(options: ScheduleTimerOptions) {
    this.#o = options;
  }

  /** Looks at once, then at each wake-up time until `stop`. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#set(this.#o.ports.clock.now());
  }

  stop(): void {
    this.#running = false;
    this.#cancel?.();
    this.#cancel = null;
    this.#setFor = Number.POSITIVE_INFINITY;
  }

  /** Makes the timer look for due schedules at `at` or earlier. */
  lookBy(at: Millis): void {
    if (!this.#running) return;
    if (this.busy) this.#askedFor = Math.min(this.#askedFor, at);
    else if (at < this.#setFor) this.#set(at);
  }

  #set(at: Millis): void {
    this.#cancel?.();
    this.#setFor = at;
    this.#cancel = this.#o.ports.clock.at(at, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { ports, recheckMs } = this.#o;
    this.#cancel = null;
    this.#setFor = Number.POSITIVE_INFINITY;
    this.busy = true;
    let next = Number.POSITIVE_INFINITY;
    try {
      await this.#noticeClock();
      await this.#wakeAll();
      next = await this.#earliest();
    } catch (error) {
      ports.log.error("schedule timer: could not read the due schedules", { error });
      next = ports.clock.now() + FAILED_RETRY_MS;
    }
    this.busy = false;
    const at = Math.min(next, this.#askedFor, recheckMs === null ? next : ports.clock.now() + recheckMs); // TIMER-2
    this.#askedFor = Number.POSITIVE_INFINITY;
    if (this.#running && Number.isFinite(at)) this.#set(at);
  }

  /** TIMER-4. */
  async #noticeClock(): Promise<void> {
    const { clock, log } = this.#o.ports;
    const error = clock.now() - steadyOf(clock);
    const setBackByMs = this.#clockError - error;
    this.#clockError = error;
    if (!(setBackByMs >= SET_BACK_MS)) return;
    log.warn("schedule timer: the clock was set back", { set_back_by_ms: setBackByMs });
    this.#broken.clear();
    await this.#o.recover();
  }

  async #wakeAll(): Promise<void> {
    const { ports } = this.#o;
    while (this.#running) {
      const due = await this.#due(ports.clock.now(), BATCH);
      if (due.length === 0) return;
      let began = performance.now(); // the clock may be set meanwhile
      for (let i = 0; i < due.length; i += TOGETHER) {
        if (!this.#running) return;
        await Promise.all(due.slice(i, i + TOGETHER).map((each) => this.#wake(each)));
        if (performance.now() - began < SLICE_MS) continue;
        await nextTurn(); // the store commits, and other requests are served
        began = performance.now();
      }
      await nextTurn();
    }
  }

  async #wake(key: DueSchedule): Promise<void> {
    const { ports } = this.#o;
    try {
      const next = await wakeSchedule(ports, key);
      if (next !== key.wakeAt || next > ports.clock.now()) return;
      throw new Error("the schedule is still due after its wake-up");
    } catch (error) {
      this.#broken.set(nameOf(key), ports.clock.now() + BROKEN_RETRY_MS); // TIMER-3
      ports.log.error("schedule timer: could not wake a schedule", { ...key, error });
    }
  }

  /** Schedules due at or before `until`, without the broken ones. */
  async #due(until: Millis, limit: number): Promise<DueSchedule[]> {
    const now = this.#o.ports.clock.now();
    for (const [name, end] of this.#broken) if (end <= now) this.#broken.delete(name);
    const due = await this.#o.ports.schedules.due(until, limit + this.#broken.size);
    return due.filter((each) => !this.#broken.has(nameOf(each)));
  }

  async #earliest(): Promise<Millis> {
    const [first] = await this.#due(Number.MAX_SAFE_INTEGER, 1);
    return Math.min(first?.wakeAt ?? Number.POSITIVE_INFINITY, ...this.#broken.values());
  }
}
