/** The failure of an update that is refused beside the history (DECIDE-9): what its caller is told of it. */
import { cutText } from "../protocol/cut-text.ts";
import type { Failure } from "../protocol/history.ts";
import { MAX_REFUSAL_DETAILS, MAX_REFUSAL_MESSAGE } from "../protocol/limits.ts";

/** No stack and no causes, a short message, and details only if they are small. */
export function shortRefusal({ type, message, details }: Failure): Failure {
  const short = message.length > MAX_REFUSAL_MESSAGE ? `${cutText(message, MAX_REFUSAL_MESSAGE)}…` : message;
  const failure: Failure = {
    ...(type === undefined ? {} : { type: cutText(type, MAX_REFUSAL_MESSAGE) }),
    message: short,
  };
  return details !== undefined && isSmall(details) ? { ...failure, details } : failure;
}

const isSmall = (details: unknown): boolean =>
  new TextEncoder().encode(JSON.stringify(details)).length <= MAX_REFUSAL_DETAILS;
