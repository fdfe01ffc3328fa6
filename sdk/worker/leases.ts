/**
 * Leases of the tasks this worker holds: extended together every third of their length, and only while the event loop
 * makes progress (a hung worker loses them, which is the point). Finished receipts are sent back in groups.
 */
import type { Clock } from "../../shared/lib/clock.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import { Batcher } from "./batcher.ts";
import type { TaskSource } from "./source.ts";

export class Leases {
  readonly #held = new Map<string, (() => void) | undefined>();
  readonly #source: TaskSource;
  readonly #clock: Clock;
  readonly #leaseMs: Millis;
  readonly #finish: Batcher<string, undefined>;
  #timer: (() => void) | null = null;

  constructor(source: TaskSource, clock: Clock, leaseMs: Millis) {
    this.#source = source;
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#finish = new Batcher(async (receipts) => {
      await source.finish(receipts);
      return receipts.map(() => undefined);
    });
  }

  /** `onLost`: the lease has passed to somebody else. */
  hold(receipt: string, onLost?: () => void): void {
    this.#held.set(receipt, onLost);
    this.#arm();
  }

  #arm(): void {
    if (this.#timer || this.#held.size === 0) return;
    this.#timer = this.#clock.at(this.#clock.now() + Math.floor(this.#leaseMs / 3), () => {
      this.#timer = null;
      void this.#extend().finally(() => this.#arm());
    });
  }

  async #extend(): Promise<void> {
    const receipts = [...this.#held.keys()];
    for (let i = 0; i < receipts.length; i += 1000) {
      const group = receipts.slice(i, i + 1000);
      const lost = await this.#source.extend(group, this.#leaseMs).catch(() => []); // the next round tries again
      for (const receipt of lost) {
        const onLost = this.#held.get(receipt);
        this.#held.delete(receipt);
        onLost?.();
      }
    }
  }

  /** The task is done: deletes it. A failure is harmless, it is delivered once more. */
  finish(receipt: string): void {
    this.#held.delete(receipt);
    void this.#finish.offer(receipt).catch(() => {});
  }

  /** It is not ours any more: the same task has been handed to somebody else, who finishes it. */
  forget(receipt: string): void {
    this.#held.delete(receipt);
  }

  /** Delivered again after `ms`; the lease ends now. */
  async release(receipt: string, ms: Millis): Promise<void> {
    this.#held.delete(receipt);
    await this.#source.extend([receipt], Math.max(0, Math.round(ms)), { patiently: true });
  }

  /** Forgets everything without a word. */
  drop(): void {
    this.#held.clear();
    this.#timer?.();
    this.#timer = null;
  }

  /** Hands back everything. */
  async releaseAll(): Promise<void> {
    const receipts = [...this.#held.keys()];
    this.#held.clear();
    this.#timer?.();
    this.#timer = null;
    for (let i = 0; i < receipts.length; i += 1000) {
      await this.#source.extend(receipts.slice(i, i + 1000), 0).catch(() => {}); // the leases lapse by themselves
    }
  }

  get size(): number {
    return this.#held.size;
  }
}
