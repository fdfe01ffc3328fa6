/** Whether, and when, another attempt follows a failed attempt of an activity. */
import { cutText } from "../protocol/cut-text.ts";
import type { ActivityOptions, AttemptEnd, Failure, Millis } from "../protocol/history.ts";
import { MAX_SHORT_MESSAGE } from "../protocol/limits.ts";

export type AfterFailure = { kind: "retry"; at: Millis } | { kind: "final"; reason: AttemptEnd };

export interface FailedAttempt {
  readonly options: ActivityOptions;
  /** From 1. */
  readonly attempt: number;
  readonly scheduledAt: Millis;
  readonly cancelRequested: boolean;
  readonly reason: AttemptEnd;
  readonly failure: Failure;
  readonly now: Millis;
}

/**
 * Final if workflow code has requested cancellation, the failure is marked non-retryable, the policy lists its type, no
 * attempt is left, or the wait would exceed the schedule-to-close limit. The wait is `first_ms * factor^(attempt-1)`, at
 * most `max_ms`, at least the `retry_after_ms` of the failure. After a lost attempt there is no wait: the session
 * time-out has passed already.
 */
export function afterFailure(a: FailedAttempt): AfterFailure {
  const { retry, schedule_to_close_ms } = a.options;
  if (a.cancelRequested || a.reason === "cancelled") return { kind: "final", reason: "cancelled" };
  if (a.reason === "schedule_to_close" || a.reason === "schedule_to_start") return { kind: "final", reason: a.reason };
  if (a.failure.non_retryable) return { kind: "final", reason: a.reason };
  if (a.failure.type !== undefined && retry.non_retryable.includes(a.failure.type)) {
    return { kind: "final", reason: a.reason };
  }
  if (retry.max_attempts > 0 && a.attempt >= retry.max_attempts) return { kind: "final", reason: a.reason };
  const wait = a.reason === "lost" ? 0 : Math.max(backoffMs(retry, a.attempt), a.failure.retry_after_ms ?? 0);
  const at = a.now + wait;
  if (schedule_to_close_ms !== undefined && at >= a.scheduledAt + schedule_to_close_ms) {
    return { kind: "final", reason: a.reason };
  }
  return { kind: "retry", at };
}

/** The wait after this attempt, if its failure asks for no longer one. */
export function backoffMs(retry: ActivityOptions["retry"], attempt: number): Millis {
  // `first_ms` of 0: the power reaches Infinity at high attempts, and 0 * Infinity is NaN.
  return Math.round(retry.first_ms && Math.min(retry.max_ms, retry.first_ms * retry.factor ** (attempt - 1)));
}

/** The failure as the history keeps it once the first attempts have told the whole story. */
export function shortened(failure: Failure): Failure {
  const { type, message } = failure;
  const short = message.length > MAX_SHORT_MESSAGE ? `${cutText(message, MAX_SHORT_MESSAGE)}…` : message;
  return { ...(type === undefined ? {} : { type }), message: short };
}
