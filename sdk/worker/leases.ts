/**
 * The leases of the tasks that this worker holds. It extends them together, every third of their length, by a timer of
 * its event loop: a hung worker extends none, so that other workers get its tasks. Where a task comes with a short lease
 * (SQS-1), it extends that one sooner. It finishes tasks in groups.
 */
import type { Clock } from "../../shared/lib/clock.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import { MAX_WORKER_LIST } from "../../shared/protocol/limits.ts";
import { Batcher } from "./batcher.ts";
import type { LeaseWatch } from "./lease-watch.ts";
import type { TaskSource } from "./source.ts";

export class Leases {
  readonly #held = new Map<string, (() => void) | undefined>();
  readonly #source: TaskSource;
  readonly #clock: Clock;
  readonly #leaseMs: Millis;
  readonly #finish: Batcher<string, undefined>;
  readonly #watch: LeaseWatch;
  #timer: (() => void) | null = null;
  /** Tasks that have only the short lease with which they came. */
  readonly #fresh = new Set<string>();
  /** Tasks whose deliveries count the attempts of an activity. */
  readonly #attempts = new Set<string>();
  #freshTimer: (() => void) | null = null;

  constructor(source: TaskSource, clock: Clock, leaseMs: Millis, watch: LeaseWatch = {}) {
    this.#watch = watch;
    this.#source = source;
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#finish = new Batcher(async (receipts) => {
      await source.finish(receipts);
      return receipts.map(() => undefined);
    });
  }

  /** `onLost`: the lease has ended, and another worker gets the task. */
  hold(receipt: string, onLost?: () => void): void {
    this.#held.set(receipt, onLost);
    this.#watch.leased?.(receipt, true);
    this.#arm();
    if (this.#source.firstExtensionMs === undefined) return;
    this.#fresh.add(receipt);
    this.#armFresh(this.#source.firstExtensionMs);
  }

  /** The same for the task of an activity. */
  holdAttempt(receipt: string, onLost?: () => void): void {
    this.hold(receipt, onLost);
    this.#attempts.add(receipt);
  }

  #armFresh(ms: Millis): void {
    if (this.#freshTimer || this.#fresh.size === 0) return;
    this.#freshTimer = this.#clock.at(this.#clock.now() + ms, () => {
      this.#freshTimer = null;
      void this.#extend([...this.#fresh]).finally(() => this.#armFresh(ms));
    });
  }

  #arm(): void {
    if (this.#timer || this.#held.size === 0) return;
    this.#timer = this.#clock.at(this.#clock.now() + Math.floor(this.#leaseMs / 3), () => {
      this.#timer = null;
      void this.#extend([...this.#held.keys()]).finally(() => this.#arm());
    });
  }

  async #extend(receipts: readonly string[]): Promise<void> {
    if (this.#watch.alive?.() === false) return;
    for (let i = 0; i < receipts.length; i += MAX_WORKER_LIST) {
      const group = receipts.slice(i, i + MAX_WORKER_LIST);
      const lost = await this.#source.extend(group, this.#leaseMs).catch(() => null);
      if (lost === null) continue; // the next round tries again
      for (const receipt of group) this.#fresh.delete(receipt);
      for (const receipt of lost) {
        const onLost = this.#held.get(receipt);
        this.#leave(receipt);
        onLost?.();
      }
    }
  }

  /** The task is done: deletes it. If that fails, it is delivered once more, which is harmless. */
  finish(receipt: string): void {
    this.#leave(receipt);
    void this.#finish.offer(receipt).catch(() => {});
  }

  /** Those of these tasks that a close finishes in the same call; `forget` them once the run is closed. */
  finishedByClose(receipts: Iterable<string>): string[] {
    return this.#source.ofServer ? Array.from(receipts).slice(0, MAX_WORKER_LIST) : [];
  }

  /** Another worker has the task now and finishes it, or the server has finished it. */
  forget(receipt: string): void {
    this.#leave(receipt);
  }

  /** Ends the lease now; the task is delivered again after `ms`. */
  async release(receipt: string, ms: Millis): Promise<void> {
    this.#leave(receipt);
    await this.#source.extend([receipt], Math.max(0, Math.round(ms)), { patiently: true });
  }

  #leave(receipt: string): void {
    this.#fresh.delete(receipt);
    this.#attempts.delete(receipt);
    if (this.#held.delete(receipt)) this.#watch.leased?.(receipt, false);
  }

  /** Forgets all leases and tells the server nothing. */
  drop(): void {
    this.#held.clear();
    this.#fresh.clear();
    this.#attempts.clear();
    this.#freshTimer?.();
    this.#freshTimer = null;
    this.#timer?.();
    this.#timer = null;
  }

  /** Hands all tasks back: they are delivered again at once. `attempts`: false leaves out those of activities. */
  async releaseAll({ attempts } = { attempts: true }): Promise<void> {
    const receipts = [...this.#held.keys()].filter((receipt) => attempts || !this.#attempts.has(receipt));
    for (const receipt of receipts) this.#leave(receipt);
    if (this.#held.size === 0) {
      this.#timer?.();
      this.#timer = null;
    }
    for (let i = 0; i < receipts.length; i += MAX_WORKER_LIST) {
      await this.#source.extend(receipts.slice(i, i + MAX_WORKER_LIST), 0).catch(() => {}); // the leases lapse by themselves
    }
  }

  get receipts(): string[] {
    return [...this.#held.keys()];
  }

  get size(): number {
    return this.#held.size;
  }
}
