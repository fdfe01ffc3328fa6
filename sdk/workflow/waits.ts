/** The things that a path of workflow code can wait for, and how each is cancelled. */
import type { CancelledError } from "../errors.ts";
import type { WorkflowInstance } from "./instance.ts";
import type { Scope, Wait } from "./scope.ts";

interface Settle<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** One promise that workflow code awaits, in the scope that asked for it. */
export abstract class Waiting<T> implements Wait {
  readonly promise: Promise<T>;
  protected readonly instance: WorkflowInstance;
  readonly #scope: Scope;
  readonly #settle: Settle<T>;

  constructor(instance: WorkflowInstance, scope: Scope) {
    this.instance = instance;
    this.#scope = scope;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.promise = promise;
    this.#settle = { resolve, reject };
    scope.waits.add(this);
  }

  resolve(value: T): void {
    this.#scope.waits.delete(this);
    this.#settle.resolve(value);
  }

  reject(error: unknown): void {
    this.#scope.waits.delete(this);
    this.#settle.reject(error);
  }

  abstract describe(): string;
  abstract cancel(error: CancelledError): void;
}

export class ActivityWait extends Waiting<unknown> {
  readonly number: number;
  readonly name: string;
  readonly #absentIsUndefined: boolean;

  constructor(instance: WorkflowInstance, scope: Scope, number: number, name: string, absentIsUndefined: boolean) {
    super(instance, scope);
    this.number = number;
    this.name = name;
    this.#absentIsUndefined = absentIsUndefined;
  }

  describe(): string {
    return `activity ${this.number} "${this.name}"`;
  }

  complete(result: unknown): void {
    this.resolve(result === null && this.#absentIsUndefined ? undefined : result);
  }

  cancel(error: CancelledError): void {
    this.instance.activities.delete(this.number);
    this.instance.decide({ kind: "activity_cancel_requested", activity: this.number });
    this.reject(error);
  }
}

/** Anything that a durable timer can wake. */
export interface TimerWait {
  readonly timer: number;
  describe(): string;
  fire(): void;
}

export class SleepWait extends Waiting<void> implements TimerWait {
  readonly timer: number;
  readonly until: number;

  constructor(instance: WorkflowInstance, scope: Scope, ms: number) {
    super(instance, scope);
    this.until = instance.time + ms;
    this.timer = instance.startTimer(ms, this);
  }

  describe(): string {
    return `timer ${this.timer} until ${iso(this.until)}`;
  }

  fire(): void {
    this.resolve();
  }

  cancel(error: CancelledError): void {
    this.instance.cancelTimer(this.timer);
    this.reject(error);
  }
}

/** The callback of a `setTimeout` in workflow code, and what it returns. Cancellation does not touch it. */
export class DurableTimeout implements TimerWait {
  readonly timer: number;
  readonly #instance: WorkflowInstance;
  readonly #callback: () => void;

  constructor(instance: WorkflowInstance, ms: number, callback: () => void) {
    this.#instance = instance;
    this.#callback = callback;
    this.timer = instance.startTimer(ms, this);
  }

  describe(): string {
    return `timer ${this.timer} of setTimeout()`;
  }

  fire(): void {
    this.#instance.runCallback(this.#callback);
  }

  clear(): void {
    this.#instance.cancelTimer(this.timer);
  }

  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
  [Symbol.toPrimitive](): number {
    return this.timer;
  }
}

export class ConditionWait extends Waiting<boolean> implements TimerWait {
  timer = 0;
  readonly #holds: () => boolean;
  readonly #until: number | null;

  constructor(instance: WorkflowInstance, scope: Scope, holds: () => boolean, timeoutMs: number | null) {
    super(instance, scope);
    this.#holds = holds;
    this.#until = timeoutMs === null ? null : instance.time + timeoutMs;
    instance.conditions.add(this);
    if (timeoutMs !== null) this.timer = instance.startTimer(timeoutMs, this);
  }

  describe(): string {
    return this.#until === null ? "a condition" : `a condition, or timer ${this.timer} until ${iso(this.#until)}`;
  }

  /** Ends the wait if the condition holds; answers whether it ended. */
  test(): boolean {
    try {
      if (!this.#holds()) return false;
      this.#end();
      this.resolve(true);
    } catch (error) {
      this.#end();
      this.reject(error);
    }
    return true;
  }

  fire(): void {
    if (this.test()) return;
    this.#end();
    this.resolve(false);
  }

  cancel(error: CancelledError): void {
    this.#end();
    this.reject(error);
  }

  #end(): void {
    this.instance.conditions.delete(this);
    if (this.timer > 0) this.instance.cancelTimer(this.timer);
  }
}

/** A wait for the outcome of a child that has been started. */
export class ChildWait extends Waiting<unknown> {
  readonly #child: { readonly number: number; readonly workflow: string; readonly execution: string; cancel(): void };
  #cancelled: CancelledError | null = null;

  constructor(
    instance: WorkflowInstance,
    scope: Scope,
    child: { readonly number: number; readonly workflow: string; readonly execution: string; cancel(): void },
  ) {
    super(instance, scope);
    this.#child = child;
  }

  describe(): string {
    const { number, workflow, execution } = this.#child;
    return `child ${number} "${workflow}" (${execution})`;
  }

  /** The child is told, and the wait goes on until it has cleaned up. */
  cancel(error: CancelledError): void {
    this.#cancelled = error;
    this.#child.cancel();
  }

  end(outcome: { result: unknown } | { error: unknown }): void {
    if (this.#cancelled) this.reject(this.#cancelled);
    else if ("error" in outcome) this.reject(outcome.error);
    else this.resolve(outcome.result);
  }
}

const iso = (at: number) => new Date(at).toISOString();
