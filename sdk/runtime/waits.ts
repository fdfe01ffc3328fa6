/** The waits of workflow code: what each asks the runtime for, and how it is cancelled. */
import type { CancelledError } from "../errors.ts";
import type { ActivityRequest, OpenActivity, OpenCondition, OpenTimer, WorkflowOps } from "./ops.ts";
import type { Scope, Wait } from "./scope.ts";

/** A promise that workflow code awaits, registered in the scope of the code that made it. */
export abstract class Waiting<T> implements Wait {
  readonly promise: Promise<T>;
  protected readonly ops: WorkflowOps;
  readonly #scope: Scope;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;

  constructor(ops: WorkflowOps, scope: Scope) {
    this.ops = ops;
    this.#scope = scope;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    scope.waits.add(this);
  }

  resolve(value: T): void {
    this.#scope.waits.delete(this);
    this.#resolve(value);
  }

  reject(error: unknown): void {
    this.#scope.waits.delete(this);
    this.#reject(error);
  }

  abstract describe(): string;
  abstract cancel(error: CancelledError): void;
}

export class ActivityWait extends Waiting<unknown> implements OpenActivity {
  readonly #number: number;
  readonly #name: string;
  readonly #absentIsUndefined: boolean;

  constructor(ops: WorkflowOps, scope: Scope, request: ActivityRequest, absentIsUndefined: boolean) {
    super(ops, scope);
    this.#name = request.name;
    this.#absentIsUndefined = absentIsUndefined;
    this.#number = ops.scheduleActivity(request, this);
  }

  describe(): string {
    return `activity ${this.#number} "${this.#name}"`;
  }

  complete(result: unknown): void {
    this.resolve(result === null && this.#absentIsUndefined ? undefined : result);
  }

  cancel(error: CancelledError): void {
    this.ops.cancelActivity(this.#number);
    this.reject(error);
  }
}

export class SleepWait extends Waiting<void> implements OpenTimer {
  readonly #timer: number;
  readonly #until: number;

  constructor(ops: WorkflowOps, scope: Scope, ms: number) {
    super(ops, scope);
    this.#until = ops.time + ms;
    this.#timer = ops.startTimer(ms, this);
  }

  describe(): string {
    return `timer ${this.#timer} until ${iso(this.#until)}`;
  }

  fire(): void {
    this.resolve();
  }

  cancel(error: CancelledError): void {
    this.ops.cancelTimer(this.#timer);
    this.reject(error);
  }
}

/** The callback of a `setTimeout` in workflow code, and the object that it returns. Cancellation does not end it. */
export class DurableTimeout implements OpenTimer {
  readonly #timer: number;
  readonly #ops: WorkflowOps;
  readonly #callback: () => void;

  constructor(ops: WorkflowOps, ms: number, callback: () => void) {
    this.#ops = ops;
    this.#callback = callback;
    this.#timer = ops.startTimer(ms, this);
  }

  describe(): string {
    return `timer ${this.#timer} of setTimeout()`;
  }

  fire(): void {
    this.#ops.runCallback(this.#callback);
  }

  clear(): void {
    this.#ops.cancelTimer(this.#timer);
  }

  close(): this {
    this.clear();
    return this;
  }
  [Symbol.dispose](): void {
    this.clear();
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
    return this.#timer;
  }
}

export class ConditionWait extends Waiting<boolean> implements OpenTimer, OpenCondition {
  readonly #timer: number = 0;
  readonly #holds: () => boolean;
  readonly #until: number | null;

  constructor(ops: WorkflowOps, scope: Scope, holds: () => boolean, timeoutMs: number | null) {
    super(ops, scope);
    this.#holds = holds;
    this.#until = timeoutMs === null ? null : ops.time + timeoutMs;
    ops.addCondition(this);
    if (timeoutMs !== null) this.#timer = ops.startTimer(timeoutMs, this);
  }

  describe(): string {
    return this.#until === null ? "a condition" : `a condition, or timer ${this.#timer} until ${iso(this.#until)}`;
  }

  /** Ends the wait if the condition holds or throws; answers whether the wait ended. */
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
    this.ops.removeCondition(this);
    if (this.#timer > 0) this.ops.cancelTimer(this.#timer);
  }
}

/** A started child, as those who wait for its outcome see it. */
interface StartedChild {
  cancel(): void;
  describe(): string;
}

/** A wait for the outcome of a child that has been started. */
export class ChildWait extends Waiting<unknown> {
  readonly #child: StartedChild;
  #cancelled: CancelledError | null = null;

  constructor(ops: WorkflowOps, scope: Scope, child: StartedChild) {
    super(ops, scope);
    this.#child = child;
  }

  describe(): string {
    return this.#child.describe();
  }

  /** Requests cancellation of the child; the wait goes on until the child has cleaned up and ended. */
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
