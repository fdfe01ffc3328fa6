/** Converts errors to the form in which histories hold them, and back (ERRORS-1). */
import type { AttemptEnd, Failure } from "../shared/protocol/history.ts";
import { MAX_PAYLOAD_BYTES } from "../shared/protocol/limits.ts";
import {
  ActivityError,
  CancelledError,
  ChildError,
  type ChildStatus,
  InvalidValueError,
  markRevived,
  QueryRefused,
  TimeoutError,
  WorkflowError,
  withoutFrames,
} from "./errors.ts";
import { roughSize, toJson } from "./json.ts";

const DEEPEST_CAUSE = 10;
const LONGEST_MESSAGE = 20_000;
const LONGEST_STACK = 4_000;

/** The recordable form of any thrown value, without details that are too large to record. Never throws. */
export function toFailure(thrown: unknown): Failure {
  try {
    return fitting(failureOf(thrown));
  } catch (why) {
    const said = orUndefined(() => String((why as Error).message)) ?? "reading it throws";
    return { type: "UnreadableError", message: `an error was thrown that cannot be read: ${cut(said, 300)}` };
  }
}

/** A failure must fit into the history. Message and stack are cut already, so only details can be too large: drops them. */
function fitting(failure: Failure): Failure {
  if (roughSize(failure) < MAX_PAYLOAD_BYTES / 4) return failure;
  const { details: _, cause, ...rest } = failure;
  return cause === undefined ? rest : { ...rest, cause: fitting(cause) };
}

function failureOf(thrown: unknown, depth = 0): Failure {
  if (!(thrown instanceof Error))
    return { type: "NonError", message: cut(`${inWords(thrown)} was thrown`, LONGEST_MESSAGE) };
  const failure: Failure = { type: nameOf(thrown), message: cut(String(thrown.message), LONGEST_MESSAGE) };
  if (typeof thrown.stack === "string" && thrown.stack.includes("\n    at "))
    failure.stack = cut(thrown.stack, LONGEST_STACK);
  const details = detailsOf(thrown);
  if (details !== undefined) failure.details = details;
  if (thrown instanceof WorkflowError) {
    if (thrown.retry === false) failure.non_retryable = true;
    if (thrown.retryAfterMs !== undefined) failure.retry_after_ms = thrown.retryAfterMs;
  }
  const cause = thrown instanceof AggregateError ? (thrown.cause ?? thrown.errors[0]) : thrown.cause;
  if (cause !== undefined && cause !== null && depth < DEEPEST_CAUSE) failure.cause = failureOf(cause, depth + 1);
  return failure;
}

/** The error that a recorded failure stands for. */
export function fromFailure(failure: Failure): Error {
  const cause = failure.cause === undefined ? undefined : fromFailure(failure.cause);
  const error = withoutFrames(revive(failure, cause));
  if (failure.stack !== undefined) error.stack = failure.stack;
  return markRevived(error);
}

type Revive = (failure: Failure, cause: Error | undefined) => Error;
const workflowError: Revive = (f, cause) =>
  new WorkflowError(f.message, { retry: !f.non_retryable, retryAfter: f.retry_after_ms, details: f.details, cause });

const ownErrors: Record<string, Revive> = {
  WorkflowError: workflowError,
  InvalidValueError: (f) => new InvalidValueError(f.message, f.details),
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
  TimeoutError: (f, cause) => new TimeoutError(f.message, String(record(f.details).kind ?? "unknown"), { cause }),
  CancelledError: (f) => {
    const { reason } = record(f.details);
    return new CancelledError(typeof reason === "string" ? reason : null);
  },
};
// Types that the engine records itself.
ownErrors.Timeout = ownErrors.TimeoutError!;
ownErrors.Cancelled = ownErrors.CancelledError!;

const builtIn: Record<string, new (message: string, options?: ErrorOptions) => Error> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

function revive(failure: Failure, cause: Error | undefined): Error {
  const type = failure.type ?? "Error";
  const make = Object.hasOwn(ownErrors, type) ? ownErrors[type] : undefined;
  if (make) return make(failure, cause);
  const Class = (Object.hasOwn(builtIn, type) ? builtIn[type] : undefined) ?? Error;
  const error = new Class(failure.message, cause === undefined ? undefined : { cause });
  if (error.name !== type) Object.defineProperty(error, "name", { value: type, configurable: true, writable: true });
  if (failure.details !== undefined) Object.assign(error, { details: failure.details });
  return error;
}

function detailsOf(error: Error): unknown {
  if (error instanceof ActivityError) {
    return { activity: error.activity, number: error.number, attempt: error.attempt, reason: error.reason };
  }
  if (error instanceof ChildError) {
    return { workflow: error.workflow, execution: error.execution, status: error.status };
  }
  if (error instanceof TimeoutError) return { kind: error.kind };
  if (error instanceof CancelledError) return { reason: error.reason };
  if (error instanceof WorkflowError || error instanceof QueryRefused || "details" in error) {
    return orUndefined(() => (error.details === undefined ? undefined : toJson(error.details, "details")));
  }
  if ("code" in error && typeof error.code === "string") return { code: error.code }; // e.g. ECONNREFUSED
  return undefined;
}

const nameOf = (error: Error): string => {
  const name = error.name;
  if (name !== "Error") return String(name) || "Error";
  return error.constructor?.name || "Error"; // `class X extends Error {}` does not set `name`
};
const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
const cut = (text: string, longest: number): string => (text.length <= longest ? text : `${text.slice(0, longest)}…`);
const inWords = (value: unknown): string =>
  orUndefined(() =>
    typeof value === "string"
      ? JSON.stringify(value)
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value),
  ) ?? typeof value;
function orUndefined<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch {
    return undefined;
  }
}
