/**
 * The errors of the SDK. Those that are failures fail (or cancel) the execution when workflow code throws them. Every other
 * error is a bug: it fails the workflow task, which the worker retries, so that repaired code continues the execution.
 *
 * ERRORS-1. An error that is read back from the history is an instance of its class if that class is one of these or built
 *     in. Otherwise it is an instance of the nearest such class that its class extends, with the name of its class, and
 *     `instanceof` a subclass of `WorkflowError` is true if it has that name, or the name of a class between the two.
 */

import type { Duration } from "../shared/lib/duration.ts";
import { milliseconds } from "../shared/lib/duration.ts";
import type { AttemptEnd, Failure } from "../shared/protocol/history.ts";
import type { MessageRefusal } from "../shared/protocol/outgoing-message.ts";
import type { ChildFailureStatus } from "../shared/protocol/status.ts";

const fromHistory = Symbol.for("sirocco.error.from_history");

/** The classes with which an error was recorded (ERRORS-1). */
export type RecordedClasses = Pick<Failure, "base" | "classes">;

/** Marks an error as read back from the history: it counts as a failure when code throws it again, and keeps its classes. */
export function markRevived<E extends Error>(error: E, { base, classes }: RecordedClasses): E {
  Object.defineProperty(error, fromHistory, { value: { base, classes } satisfies RecordedClasses });
  return error;
}
/** Null: the error was not read back. */
export const recordedClasses = (error: Error): RecordedClasses | null =>
  (error as { [fromHistory]?: RecordedClasses })[fromHistory] ?? null;
const isRevived = (error: unknown): error is Error => error instanceof Error && fromHistory in error;

export interface WorkflowErrorOptions {
  /** False: the activity that throws this is not retried. Default true: its retry policy decides. */
  retry?: boolean;
  /** Wait at least this long before the next attempt. A time that has passed (below 0) counts as 0. */
  retryAfter?: Duration;
  /** Any JSON value for the code that handles the error. */
  details?: unknown;
  cause?: unknown;
}

/**
 * A deliberate failure. Thrown from a workflow it fails the execution; from an activity, the attempt; from an update
 * handler, the update. Subclass it to name your failures: the name of the class becomes the name of the error.
 */
export class WorkflowError extends Error {
  readonly retry: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;

  constructor(message: string, options: WorkflowErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target === WorkflowError ? "WorkflowError" : new.target.name; // bundlers may rename this class
    this.retry = options.retry ?? true;
    this.retryAfterMs = pause(options.retryAfter);
    this.details = options.details;
  }
}

/** An option must not replace the error: a time that has passed counts as 0, and what is no duration is ignored with a warning. */
function pause(retryAfter: Duration | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  try {
    return milliseconds(typeof retryAfter === "number" ? Math.max(0, retryAfter) : retryAfter, "retryAfter");
  } catch (problem) {
    process.emitWarning(`${(problem as Error).message} The error is thrown without it.`, "SiroccoWarning");
    return undefined;
  }
}

const hasInstance = Function.prototype[Symbol.hasInstance];
Object.defineProperty(WorkflowError, Symbol.hasInstance, {
  value(this: typeof WorkflowError, error: unknown): boolean {
    if (hasInstance.call(this, error)) return true;
    if (this === WorkflowError || !isRevived(error)) return false;
    return error.name === this.name || recordedClasses(error)?.classes?.includes(this.name) === true; // ERRORS-1
  },
});

/** An activity has failed and is not retried any more. `cause` is the error of its last attempt. */
export class ActivityError extends Error {
  /** Name of the activity. */
  readonly activity: string;
  /** Its number in the run. */
  readonly number: number;
  /** Number of the last attempt. */
  readonly attempt: number;
  /** How the last attempt ended. */
  readonly reason: AttemptEnd;

  constructor(
    message: string,
    about: { activity: string; number: number; attempt: number; reason: AttemptEnd; cause?: unknown },
  ) {
    super(message, { cause: about.cause });
    this.name = "ActivityError";
    this.activity = about.activity;
    this.number = about.number;
    this.attempt = about.attempt;
    this.reason = about.reason;
  }
}

export type ChildStatus = ChildFailureStatus;
export type { MessageRefusal };

/** A child execution ended without a result, or could not be started. `cause` is its failure. */
export class ChildError extends Error {
  readonly workflow: string;
  readonly execution: string;
  readonly status: ChildStatus;

  constructor(message: string, about: { workflow: string; execution: string; status: ChildStatus; cause?: unknown }) {
    super(message, { cause: about.cause });
    this.name = "ChildError";
    this.workflow = about.workflow;
    this.execution = about.execution;
    this.status = about.status;
  }
}

/** Another execution did not take a signal, a query or a cancel request of this one (`externalExecution`). */
export class MessageError extends WorkflowError {
  /** Id of the other execution. */
  readonly execution: string;
  /** Why, as a word that is never renamed. */
  readonly reason: MessageRefusal;

  constructor(message: string, about: { execution: string; reason: MessageRefusal; retry?: boolean }) {
    const { execution, reason, retry = false } = about;
    super(message, { retry, details: { execution, reason } });
    this.name = "MessageError";
    this.execution = execution;
    this.reason = reason;
  }
}

/** A time limit has passed. */
export class TimeoutError extends Error {
  /** Which limit passed: `start_to_close`, `heartbeat`, `input` … */
  readonly kind: string;

  constructor(message: string, kind = "timeout", options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : options);
    this.name = "TimeoutError";
    this.kind = kind;
  }
}

/** Cancellation was requested. Workflow code receives it where it waits; in an activity it is the reason of `ctx.signal`. */
export class CancelledError extends Error {
  /** The reason that the request gave. */
  readonly reason: string | null;

  constructor(reason: string | null = null) {
    super(reason === null ? "cancellation was requested" : `cancellation was requested: ${reason}`);
    this.name = "CancelledError";
    this.reason = reason;
  }
}

/** The error is a failure of the execution, as opposed to a bug in its code. Never throws. */
export function isFailure(error: unknown): error is Error {
  try {
    return isOneFailure(error) || (error instanceof AggregateError && hasOnlyFailures(error.errors));
  } catch {
    return false; // a proxy or a getter threw
  }
}

const isOneFailure = (error: unknown): boolean =>
  error instanceof WorkflowError ||
  error instanceof ActivityError ||
  error instanceof ChildError ||
  error instanceof TimeoutError ||
  error instanceof CancelledError ||
  isRevived(error);

/** As when `Promise.any` found that each of its activities has failed. */
const hasOnlyFailures = (errors: readonly unknown[]): boolean => errors.length > 0 && errors.every(isOneFailure);

/** A value does not fit its schema. It is not retried: the same value would not fit the next time either. */
export class InvalidValueError extends WorkflowError {
  constructor(message: string, details?: unknown) {
    super(message, { retry: false, details });
    this.name = "InvalidValueError";
  }
}

/** A query could not be answered; `status` is the HTTP status for its caller. */
export class QueryRefused extends Error {
  readonly status: number;
  readonly details: unknown;

  constructor(status: number, message: string, options: { details?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "QueryRefused";
    this.status = status;
    this.details = options.details;
  }
}

/** A call of the SDK that cannot work; the message says what to do instead. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** Removes the stack frames of an error that the runtime creates: they lie in the runtime, not in the user's code. */
export function withoutFrames<E extends Error>(error: E): E {
  Object.defineProperty(error, "stack", {
    value: `${error.name}: ${error.message}`,
    configurable: true,
    writable: true,
  });
  return error;
}
