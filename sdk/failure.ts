/**
 * Converts errors to the form in which histories hold them (ERRORS-1); `revive.ts` goes the way back.
 *
 * FAILURE-1. Kept are the name of the class and of those that it extends, the message, the stack, `cause`, the members of an `AggregateError`, `details`
 *     (or a `code`), and the options of a `WorkflowError`. The realm of the error does not matter.
 * FAILURE-2. Reading an error never throws, whatever its getters do: a part that cannot be read is left out.
 * FAILURE-3. A failure fits into the history: texts are cut, chains end after some links, and details that JSON cannot hold or
 *     that are too large become `{left_out: why}`. Sizes are those of the JSON, in bytes.
 */
import { types } from "node:util";
import type { Failure } from "../shared/protocol/history.ts";
import { MAX_PAYLOAD_BYTES } from "../shared/protocol/limits.ts";
import {
  ActivityError,
  CancelledError,
  ChildError,
  QueryRefused,
  recordedClasses,
  TimeoutError,
  WorkflowError,
} from "./errors.ts";
import { isError, payloadBytes, toJson } from "./json.ts";
import { builtIn, fromFailure, ownClasses } from "./revive.ts";

const DEEPEST_CAUSE = 10;
/** Members of one `AggregateError`; errors of one failure in all. */
const MOST_MEMBERS = 20;
const MOST_ERRORS = 50;
/** Names of classes of one error, and characters of one. */
const MOST_CLASSES = 10;
const LONGEST_CLASS = 200;
const LONGEST_MESSAGE = 20_000;
const LONGEST_STACK = 4_000;
const MAX_FAILURE_BYTES = MAX_PAYLOAD_BYTES / 4;
const DEEPEST_DETAILS = 64;

/** The recordable form of any thrown value. Never throws. */
export const toFailure = (thrown: unknown): Failure => new Recorder().failure(thrown, 0);

class Recorder {
  /** Bytes and errors that the failure may still grow by (FAILURE-3). */
  #bytes = MAX_FAILURE_BYTES;
  #errors = MOST_ERRORS;

  failure(thrown: unknown, depth: number): Failure {
    this.#errors -= 1;
    if (!tryTo(() => isError(thrown))) {
      const failure: Failure = {
        type: "NonError",
        message: this.#text(`${inWords(thrown)} was thrown`, LONGEST_MESSAGE),
      };
      const details = thrown === undefined || thrown === null ? undefined : this.#details(() => thrown);
      return details === undefined ? failure : { ...failure, details };
    }
    const error = thrown as Error;
    const base = baseOf(error);
    const type = nameOf(error, base);
    const failure: Failure = { type, message: this.#text(read(error, "message") ?? "", LONGEST_MESSAGE) };
    const recorded = tryTo(() => recordedClasses(error)) ?? { base, classes: classesBetween(error, base, type) };
    if (recorded.base !== undefined && recorded.base !== type) failure.base = recorded.base;
    if (recorded.classes !== undefined && recorded.classes.length > 0)
      failure.classes = recorded.classes.map((name) => this.#text(name, LONGEST_CLASS));
    const theirs = FOREIGN.get(error);
    const stack = theirs ? theirs.stack : read(error, "stack");
    if (stack !== undefined && (theirs || stack.includes("\n    at ")))
      failure.stack = this.#text(stack, LONGEST_STACK);
    const details = this.#details(() => detailsOf(error));
    if (details !== undefined) failure.details = details;
    if (theirs) {
      if (theirs.non_retryable) failure.non_retryable = true;
      if (theirs.retry_after_ms !== undefined) failure.retry_after_ms = theirs.retry_after_ms;
    } else if (tryTo(() => error instanceof WorkflowError)) {
      const { retry, retryAfterMs } = error as WorkflowError;
      if (retry === false) failure.non_retryable = true;
      if (retryAfterMs !== undefined) failure.retry_after_ms = retryAfterMs;
    }
    if (depth < DEEPEST_CAUSE) this.#nested(error, base, failure, depth);
    return failure;
  }

  #nested(error: Error, base: string, failure: Failure, depth: number): void {
    const cause = tryTo(() => error.cause);
    if (cause !== undefined && cause !== null && this.#errors > 0) failure.cause = this.failure(cause, depth + 1);
    const members = tryTo(() => membersOf(error, base));
    if (!members) return;
    failure.errors = [];
    for (const member of members) {
      if (this.#errors > 0) failure.errors.push(this.failure(member, depth + 1));
    }
  }

  #details(details: () => unknown): unknown {
    try {
      const value = details();
      if (value === undefined) return undefined;
      const json = toJson(value, "details", DEEPEST_DETAILS, MAX_PAYLOAD_BYTES);
      const bytes = payloadBytes(json);
      if (bytes > this.#bytes)
        return { left_out: `the details have ${bytes} bytes as JSON, an error may have ${MAX_FAILURE_BYTES} in all` };
      this.#bytes -= bytes;
      return json;
    } catch (problem) {
      return { left_out: read(problem as Error, "message") ?? "the details could not be read" };
    }
  }

  /** Cut to `longest` characters, and to an eighth of the bytes that are left. */
  #text(text: string, longest: number): string {
    let kept = cut(text, longest);
    const most = Math.max(1_000, this.#bytes / 8);
    while (payloadBytes(kept) > most) kept = cut(kept, Math.floor((kept.length * most) / payloadBytes(kept)) - 2);
    this.#bytes -= payloadBytes(kept);
    return kept;
  }
}

/** Failures of a program in another language, by the errors that stand for them: no class here has their stack and options. */
const FOREIGN = new WeakMap<object, Failure>();

/** An error that is recorded as the program in another language reported it (FAILURE-3 still holds). */
export function foreignError(failure: Failure): Error {
  const error = fromFailure(failure);
  let here: unknown = error;
  for (let theirs: Failure | undefined = failure; theirs && here instanceof Error; theirs = theirs.cause) {
    FOREIGN.set(here, theirs);
    here = here.cause;
  }
  return error;
}

/** The class of the SDK or the platform that the error is an instance of (ERRORS-1). */
function baseOf(error: Error): string {
  const own = Object.entries(ownClasses).find(([, Class]) => tryTo(() => isInstance(Class, error)));
  if (own) return own[0];
  if (tryTo(() => error instanceof DOMException)) return "DOMException";
  for (let p = tryTo(() => Object.getPrototypeOf(error)); p; p = tryTo(() => Object.getPrototypeOf(p))) {
    // The prototypes of the platform's errors have their name, in every realm.
    const name = tryTo(() => (Object.hasOwn(p, "name") ? (p.name as unknown) : undefined));
    const isClass = name === tryTo(() => p.constructor.name);
    if (typeof name === "string" && isClass && (Object.hasOwn(builtIn, name) || withMembers.has(name))) return name;
  }
  return "Error";
}

/**
 * Names of the classes of a `WorkflowError` below `base`, other than `type`: `instanceof` compares them. No other class can
 * compare names (ERRORS-1).
 */
function classesBetween(error: Error, base: string, type: string): string[] {
  const names: string[] = [];
  if (tryTo(() => error instanceof WorkflowError) !== true) return names;
  let p: object | null | undefined = error;
  for (let i = 0; i < MOST_CLASSES; i++) {
    const of: object = p;
    p = tryTo(() => Object.getPrototypeOf(of) as object | null);
    const name = tryTo(() => (p?.constructor as { name?: unknown } | undefined)?.name);
    if (!p || name === base || p === WorkflowError.prototype) break;
    if (typeof name === "string" && name !== "" && name !== type && !names.includes(name))
      names.push(name.toWellFormed());
  }
  return names;
}

const withMembers = new Set(["AggregateError", "SuppressedError"]);
/** Without the names that `instanceof` compares for subclasses of `WorkflowError`. */
const isInstance = (Class: object, error: object): boolean =>
  Function.prototype[Symbol.hasInstance].call(Class as never, error);

function membersOf(error: Error, base: string): unknown[] | undefined {
  if (base === "AggregateError") return someOf((error as AggregateError).errors);
  if (base !== "SuppressedError") return undefined;
  const { error: later, suppressed } = error as SuppressedError;
  return [later, suppressed];
}

/** Code may have set members that never end. */
function someOf(members: Iterable<unknown>): unknown[] {
  const some: unknown[] = [];
  for (const member of members) if (some.push(member) >= MOST_MEMBERS) break;
  return some;
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
  if (error instanceof WorkflowError || error instanceof QueryRefused || "details" in error)
    return (error as { details?: unknown }).details;
  if ("code" in error && typeof error.code === "string") return { code: error.code }; // e.g. ECONNREFUSED
  return undefined;
}

function nameOf(error: Error, base: string): string {
  const name = read(error, "name") || "Error";
  if (name !== base || Object.hasOwn(ownClasses, base)) return name;
  return tryTo(() => error.constructor.name) || name; // `class X extends TypeError {}` does not set `name`
}

/** A property as text; undefined if it is absent or cannot be read (FAILURE-2). */
const read = (error: Error, key: "name" | "message" | "stack"): string | undefined =>
  tryTo(() => (error[key] === undefined ? undefined : String(error[key]).toWellFormed()));

/** Well-formed, also where the cut goes through a pair. */
const cut = (text: string, longest: number): string =>
  (text.length <= longest ? text : `${text.slice(0, Math.max(0, longest))}…`).toWellFormed();
const inWords = (value: unknown): string =>
  tryTo(() => (typeof value === "string" || typeof value === "object" ? shortJson(value) : String(value))) ??
  (types.isProxy(value) ? "a proxy" : `a value of type ${typeof value}`);

/** Throws for a value with more parts than a message should show: its JSON may have no end (VALUES-3). */
function shortJson(value: unknown): string | undefined {
  let parts = 0;
  return JSON.stringify(value, (_key, part: unknown) => {
    if (++parts > LONGEST_MESSAGE) throw new RangeError("too many parts");
    return typeof part === "string" ? cut(part, LONGEST_MESSAGE) : part;
  });
}

function tryTo<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch {
    return undefined;
  }
}
