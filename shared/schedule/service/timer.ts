/**
 * Wakes schedules in time from inside one process: one timer, for the earliest of all.
 *
 * TIMER-1. What is due is read from the store. The timer only says when to look, so a restart needs nothing but a first look.
 * TIMER-2. A timer counts elapsed time, not the clock's: while a machine sleeps it stands still, and a clock that is set moves
 *     under it. So it never sleeps longer than `recheckMs`, and looking too early does nothing.
 * TIMER-3. A schedule that cannot be woken (its item is broken, the store fails) is left alone for a minute; it holds up
 *     nobody else.
 */
import type { DueSchedule, Ports, ScheduleKey } from "../../ports.ts";
import type { Millis } from "../../protocol/history.ts";
import { wakeSchedule } from "./wake.ts";

/** Read at a time. */
const BATCH = 500;
/** Woken without a pause for this long: a crowd is not held up by a commit for every few, nor others for seconds. */
const SLICE_MS = 30;
const LEFT_ALONE_MS = 60_000;
const FAILED_MS = 1_000;
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const nameOf = ({ workspace, schedule }: ScheduleKey) => `${workspace}/${schedule}`;

export interface AlarmOptions {
  readonly ports: Ports;
  /** The longest sleep; null: as long as it takes, for a clock that is never set. */
  readonly recheckMs: Millis | null;
}

export class ScheduleTimer {
  readonly #o: AlarmOptions;
  readonly #broken = new Map<string, Millis>();
  #cancel: (() => void) | null = null;
  #setFor = Number.POSITIVE_INFINITY;
  #running = false;
  /** The earliest nudge while busy. */
  #nudged = Number.POSITIVE_INFINITY;
  /** Schedules are being woken. */
  busy = false;

  constructor(options: AlarmOptions) {
    this.#o = options;
  }

  /** Until `stop`. */
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

  /** A schedule has to be woken at `at`. */
  nudge(at: Millis): void {
    if (!this.#running) return;
    if (this.busy) this.#nudged = Math.min(this.#nudged, at);
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
      await this.#wakeAll();
      next = await this.#earliest();
    } catch (error) {
      ports.log.error("looking for due schedules failed", { error });
      next = ports.clock.now() + FAILED_MS;
    }
    this.busy = false;
    const latest = Math.min(next, this.#nudged, recheckMs === null ? next : ports.clock.now() + recheckMs); // TIMER-2
    this.#nudged = Number.POSITIVE_INFINITY;
    if (this.#running && Number.isFinite(latest)) this.#set(latest);
  }

  async #wakeAll(): Promise<void> {
    const { ports } = this.#o;
    while (this.#running) {
      const due = await this.#able(ports.clock.now(), BATCH);
      if (due.length === 0) return;
      let began = ports.clock.now();
      for (const each of due) {
        if (!this.#running) return;
        await this.#wake(each);
        if (ports.clock.now() - began < SLICE_MS) continue;
        await nextTurn(); // others want to be served, and what was written to be committed
        began = ports.clock.now();
      }
      await nextTurn();
    }
  }

  async #wake(key: DueSchedule): Promise<void> {
    const { ports } = this.#o;
    try {
      const next = await wakeSchedule(ports, key);
      if (next !== key.wakeAt || next > ports.clock.now()) return;
      throw new Error("it is due still after it was woken");
    } catch (error) {
      this.#broken.set(nameOf(key), ports.clock.now() + LEFT_ALONE_MS); // TIMER-3
      ports.log.error("a schedule could not be woken", { ...key, error });
    }
  }

  /** Due at or before `until`, without those left alone. */
  async #able(until: Millis, limit: number): Promise<DueSchedule[]> {
    const now = this.#o.ports.clock.now();
    for (const [name, end] of this.#broken) if (end <= now) this.#broken.delete(name);
    const due = await this.#o.ports.schedules.due(until, limit + this.#broken.size);
    return due.filter((each) => !this.#broken.has(nameOf(each)));
  }

  async #earliest(): Promise<Millis> {
    const [first] = await this.#able(Number.MAX_SAFE_INTEGER, 1);
    return Math.min(first?.wakeAt ?? Number.POSITIVE_INFINITY, ...this.#broken.values());
  }
}
