/**
 * The errors that belong to the model. Thrown out of a workflow they fail (or cancel) the execution; every other error
 * is a bug: it fails the workflow task, which is tried again, so that repaired code resumes the execution.
 *
 * ERRORS-1. An error that went through the journal comes back as an instance of its class when that is one of these or a
 *     built-in; of any other class, as an `Error` of the same name for which `instanceof` a subclass of `WorkflowError`
 *     of that name is true.
 */

import type { Duration } from "../shared/lib/duration.ts";
import { milliseconds } from "../shared/lib/duration.ts";
import type { AttemptEnd } from "../shared/protocol/history.ts";
import type { ChildFailureStatus } from "../shared/protocol/status.ts";

const fromJournal = Symbol.for("sirocco.error.from_journal");

/** Marks an error as revived from the journal: it counts as a failure wherever it is thrown again. */
export function markRevived<E extends Error>(error: E): E {
  Object.defineProperty(error, fromJournal, { value: true });
  return error;
}
const isRevived = (error: unknown): error is Error => error instanceof Error && fromJournal in error;

export interface WorkflowErrorOptions {
  /** False: never retry the activity that throws this. Default true: as its retry policy says. */
  retry?: boolean;
  /** Wait at least this long before the next attempt. */
  retryAfter?: Duration;
  /** Any JSON value for whoever handles the error. */
  details?: unknown;
  cause?: unknown;
}

/**
 * A failure on purpose. Thrown from a workflow it fails the execution; from an activity, the attempt; from an update
 * handler, the update. Subclass it to give failures names of your own; set nothing, the class name is used.
 */
export class WorkflowError extends Error {
  readonly retry: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;

  constructor(message: string, options: WorkflowErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target === WorkflowError ? "WorkflowError" : new.target.name; // bundlers may rename ours
    this.retry = options.retry ?? true;
    this.retryAfterMs = options.retryAfter === undefined ? undefined : milliseconds(options.retryAfter, "retryAfter");
    this.details = options.details;
  }
}

const hasInstance = Function.prototype[Symbol.hasInstance];
Object.defineProperty(WorkflowError, Symbol.hasInstance, {
  value(this: typeof WorkflowError, error: unknown): boolean {
    if (hasInstance.call(this, error)) return true;
    return this !== WorkflowError && isRevived(error) && error.name === this.name; // ERRORS-1
  },
});

/** An activity failed for good. `cause` is what its last attempt threw. */
export class ActivityError extends Error {
  /** Name of the activity. */
  readonly activity: string;
  /** Its number in the run. */
  readonly number: number;
  /** Attempts made. */
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

/** Something did not happen in time. */
export class TimeoutError extends Error {
  /** Which limit passed: `start_to_close`, `heartbeat`, `input` … */
  readonly kind: string;

  constructor(message: string, kind = "timeout", options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : options);
    this.name = "TimeoutError";
    this.kind = kind;
  }
}

/** Cancellation was asked for. Raised where the workflow waits; in an activity it is the reason of `ctx.signal`. */
export class CancelledError extends Error {
  /** What whoever cancelled gave as the reason. */
  readonly reason: string | null;

  constructor(reason: string | null = null) {
    super(reason === null ? "cancellation was requested" : `cancellation was requested: ${reason}`);
    this.name = "CancelledError";
    this.reason = reason;
  }
}

/** A failure of the execution, as opposed to a bug in its code. */
export const isFailure = (error: unknown): error is Error =>
  error instanceof WorkflowError ||
  error instanceof ActivityError ||
  error instanceof ChildError ||
  error instanceof TimeoutError ||
  error instanceof CancelledError ||
  isRevived(error);

/** A value does not fit its schema. Never retried: the same value will not fit next time either. */
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

/** The SDK was used in a way that cannot work; the message says what to do instead. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** For errors that the runtime makes: its own frames tell nobody anything. */
export function withoutFrames<E extends Error>(error: E): E {
  Object.defineProperty(error, "stack", {
    value: `${error.name}: ${error.message}`,
    configurable: true,
    writable: true,
  });
  return error;
}
