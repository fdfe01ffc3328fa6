/** Errors from the form in which histories hold them (ERRORS-1), without anything of Node: browsers load this file too. */
import type { AttemptEnd, Failure } from "../shared/protocol/history.ts";
import {
  ActivityError,
  CancelledError,
  ChildError,
  type ChildStatus,
  InvalidValueError,
  MessageError,
  type MessageRefusal,
  markRevived,
  TimeoutError,
  WorkflowError,
  withoutFrames,
} from "./errors.ts";
import { copyJson } from "./plain-json.ts";

/** The error that a recorded failure stands for. */
export function fromFailure(failure: Failure): Error {
  const cause = failure.cause === undefined ? undefined : fromFailure(failure.cause);
  const error = withoutFrames(revive(failure, cause));
  if (failure.stack !== undefined) error.stack = failure.stack;
  return markRevived(error, failure);
}

type Revive = (failure: Failure, cause: Error | undefined) => Error;
const workflowError: Revive = (f, cause) =>
  new WorkflowError(f.message, {
    retry: !f.non_retryable,
    retryAfter: f.retry_after_ms,
    details: copyJson(f.details),
    cause,
  });

const ownErrors: Record<string, Revive> = {
  WorkflowError: workflowError,
  InvalidValueError: (f) => new InvalidValueError(f.message, copyJson(f.details)),
  ActivityError: (f, cause) => {
    const about = record(f.details);
    return new ActivityError(f.message, {
      activity: String(about.activity ?? ""),
      number: Number(about.number ?? 0),
      attempt: Number(about.attempt ?? 1),
      reason: (about.reason ?? "failed") as AttemptEnd,
      cause,
    });
  },
  ChildError: (f, cause) => {
    const about = record(f.details);
    const status = (about.status ?? "FAILED") as ChildStatus;
    return new ChildError(f.message, {
      workflow: String(about.workflow ?? ""),
      execution: String(about.execution ?? ""),
      status,
      cause,
    });
  },
  MessageError: (f) => {
    const { execution, reason } = record(f.details);
    const retry = !f.non_retryable;
    return new MessageError(f.message, { execution: String(execution), reason: reason as MessageRefusal, retry });
  },
  TimeoutError: (f, cause) => new TimeoutError(f.message, String(record(f.details).kind ?? "unknown"), { cause }),
  CancelledError: (f) => {
    const { reason } = record(f.details);
    return new CancelledError(typeof reason === "string" ? reason : null);
  },
};
/** Types that the engine records itself; an error of a class of that name has a `base`. */
const engineTypes: Record<string, string> = { Timeout: "TimeoutError", Cancelled: "CancelledError" };
/** A class stands before the one that it extends. */
export const ownClasses = {
  InvalidValueError,
  MessageError,
  WorkflowError,
  ActivityError,
  ChildError,
  TimeoutError,
  CancelledError,
};

type ErrorClass = new (message: string, options?: ErrorOptions) => Error;
export const builtIn: Record<string, ErrorClass> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  Error,
};

function revive(failure: Failure, cause: Error | undefined): Error {
  const type = failure.type ?? "Error";
  const base = failure.base ?? lookUp(engineTypes, type) ?? type;
  const error = lookUp(ownErrors, base)?.(failure, cause) ?? platformError(base, failure, cause);
  // Without a base the error is of that class, or it is a type of the engine's: the class says its name.
  const name = failure.base === undefined && lookUp(ownErrors, base) ? error.name : type;
  keep(error, "name", name);
  if (!Object.hasOwn(engineTypes, type)) keep(error, "message", failure.message);
  if (cause !== undefined) keep(error, "cause", cause);
  return error;
}

function keep(error: Error, key: "name" | "message" | "cause", value: unknown): void {
  if (error[key] !== value) Object.defineProperty(error, key, { value, configurable: true, writable: true });
}

function platformError(base: string, failure: Failure, cause: Error | undefined): Error {
  const options = cause === undefined ? undefined : { cause };
  const errors = failure.errors?.map(fromFailure);
  let error: Error;
  if (base === "AggregateError" && errors) error = new AggregateError(errors, failure.message, options);
  else if (base === "SuppressedError" && errors) error = new SuppressedError(errors[0], errors[1], failure.message);
  else if (base === "DOMException")
    error = new DOMException(failure.message, { name: failure.type ?? "Error", ...options });
  else error = new (lookUp(builtIn, base) ?? Error)(failure.message, options);
  if (failure.details !== undefined) Object.assign(error, { details: copyJson(failure.details) });
  return error;
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
const lookUp = <T>(table: Record<string, T>, key: string): T | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;
