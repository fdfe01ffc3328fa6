/** Functions that must answer at once: a promise in place of the answer is refused, and its rejection is nobody's affair. */
import { UsageError } from "../errors.ts";

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  (typeof value === "object" || typeof value === "function") &&
  value !== null &&
  typeof (value as { then?: unknown }).then === "function";

/** The error for `what`, e.g. `the condition of waitUntil()`, that answered this promise. */
export function notAtOnce(what: string, promise: PromiseLike<unknown>): UsageError {
  promise.then(undefined, () => {});
  return new UsageError(`${what} answered a promise: it must answer at once, so it must not be async.`);
}
