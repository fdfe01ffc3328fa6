/** The room of a process for work: the workers that run in it share the slots, the limits and the memory. */

import { ActivitySlots } from "./slots.ts";

/** Messages to other executions that are sent at a time. A query waits 30 s for its answer, on one of the 64 connections to the server. */
const MESSAGES_AT_ONCE = 32;

export interface WorkerLimits {
  /** Attempts of activities at a time. Default 100. */
  readonly maxConcurrentActivities: number;
  /** Executions being advanced at a time. Default 200. */
  readonly maxConcurrentWorkflows: number;
  /** Executions kept in memory between their steps. Default 1000. */
  readonly cachedExecutions: number;
}

/** An execution in memory. */
interface Cached {
  readonly idle: boolean;
}

export class Room {
  readonly limits: WorkerLimits;
  readonly slots: ActivitySlots;
  readonly messageSlots = new ActivitySlots(MESSAGES_AT_ONCE);
  /** Executions that are being advanced. */
  #advancing = 0;
  readonly #onFree = new Set<() => void>();
  /** The least recently used first, with what takes it out of its worker. */
  readonly #cached = new Map<Cached, () => void>();

  constructor(limits: WorkerLimits) {
    this.limits = limits;
    this.slots = new ActivitySlots(limits.maxConcurrentActivities);
    this.slots.onFree(() => this.#announce());
  }

  get advancing(): number {
    return this.#advancing;
  }

  /** How many further executions may be advanced. Polls of several workers that are answered at once may bring a few more. */
  get toAdvance(): number {
    return Math.max(0, this.limits.maxConcurrentWorkflows - this.#advancing);
  }

  advance(): void {
    this.#advancing += 1;
  }

  advanced(): void {
    this.#advancing -= 1;
    this.#announce();
  }

  /** `fn` is called when an execution has been advanced, or an attempt has ended. */
  onFree(fn: () => void): void {
    this.#onFree.add(fn);
  }

  #announce(): void {
    for (const fn of this.#onFree) fn();
  }

  get cached(): number {
    return this.#cached.size;
  }

  /** It is the most recently used one now. `evict` is called when the room is needed. */
  use(execution: Cached, evict: () => void): void {
    this.#cached.delete(execution);
    this.#cached.set(execution, evict);
  }

  forget(execution: Cached): void {
    this.#cached.delete(execution);
  }

  /** Evicts executions that rest, as far as there are too many. */
  makeRoom(): void {
    for (const [execution, evict] of this.#cached) {
      if (this.#cached.size <= this.limits.cachedExecutions) return;
      if (!execution.idle) continue;
      this.#cached.delete(execution);
      evict();
    }
  }
}
