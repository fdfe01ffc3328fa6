/** The error that workflow code catches when an activity has failed and is not retried any more. */
import type { AttemptEnd, EventOf, Failure } from "../../shared/protocol/history.ts";
import { ActivityError, CancelledError, TimeoutError, withoutFrames } from "../errors.ts";
import { fromFailure } from "../revive.ts";

export function activityError(event: EventOf<"activity_failed">): ActivityError {
  const { name, activity, attempt, reason, failure } = event;
  const tries = attempt > 1 ? ` after ${attempt} attempts` : "";
  const about = { activity: name, number: activity, attempt, reason, cause: causeOf(reason, failure) };
  return withoutFrames(new ActivityError(`activity "${name}" failed${tries}: ${failure.message}`, about));
}

/** The original error; for limits and cancellation an error of the matching class, whatever type was recorded. */
function causeOf(reason: AttemptEnd, failure: Failure): Error {
  if (reason === "failed" || reason === "lost") return fromFailure(failure);
  if (reason === "cancelled") {
    const original = fromFailure(failure);
    return original instanceof CancelledError ? original : withoutFrames(new CancelledError(failure.message));
  }
  const cause = failure.cause && fromFailure(failure.cause);
  return withoutFrames(new TimeoutError(failure.message, reason, { cause }));
}
