/**
 * The slots for activity attempts in this process. An attempt has a reservation from the moment at which it is recorded
 * as local; it acquires a slot when its function is to run, and releases slot and reservation at its end.
 */
import type { Millis } from "../../shared/protocol/history.ts";

/** Attempts that take less than this may wait for a slot in this process. */
const SHORT_MS: Millis = 50;
/** While attempts are short, so many may be reserved per slot. */
const RESERVED_PER_SLOT = 4;

export class ActivitySlots {
  readonly #size: number;
  /** Reservations, those of running attempts included. */
  #reserved = 0;
  #acquired = 0;
  readonly #waiting: (() => void)[] = [];
  /** Moving average of what attempts take. It starts at the threshold: no attempt waits here until attempts prove to be short. */
  #typicalMs = SHORT_MS;
  #onFree: () => void = () => {};
  readonly #onFull: (() => void)[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** Attempts that hold a slot. */
  get running(): number {
    return this.#acquired;
  }

  /** Slots without a reservation. */
  get free(): number {
    return Math.max(0, this.#size - this.#reserved);
  }

  /**
   * Attempts that may be reserved now. While attempts are short, a few more than there are slots: their wait in this
   * process is far shorter than the way through the queue.
   */
  get reservable(): number {
    return Math.max(0, (this.#short ? this.#size * RESERVED_PER_SLOT : this.#size) - this.#reserved);
  }

  get #short(): boolean {
    return this.#typicalMs < SHORT_MS;
  }

  /** Never refuses: a later attempt stays in the worker of the earlier one, and a queued one was received for a slot. */
  reserve(): void {
    this.#reserved += 1;
    if (this.free === 0 && !this.#short) for (const fn of this.#onFull) fn();
  }

  /** The attempt is not recorded, or does not run. */
  cancelReservation(): void {
    this.#reserved -= 1;
    this.#onFree();
  }

  /** Acquires a slot: at once, which answers undefined, or when the promise resolves. */
  acquire(): Promise<void> | undefined {
    if (this.#acquired < this.#size) {
      this.#acquired += 1;
      return undefined;
    }
    return new Promise((ok) => this.#waiting.push(ok));
  }

  /** The attempt has ended; it held its slot for `ms`. */
  release(ms: Millis): void {
    this.#typicalMs += (ms - this.#typicalMs) / 16;
    const next = this.#waiting.shift();
    if (next) next();
    else this.#acquired -= 1;
    this.cancelReservation();
  }

  /** `fn` is called whenever a reservation ends. */
  onFree(fn: () => void): void {
    this.#onFree = fn;
  }

  /** `fn` is called when no slot is free and none will be soon. */
  onFull(fn: () => void): void {
    this.#onFull.push(fn);
  }
}
