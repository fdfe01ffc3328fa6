/** The activities behind `externalExecution`. Their names and inputs stand in histories. */
import type { ActivityOptions, Millis, RetryPolicy } from "../../shared/protocol/history.ts";
import type { OutgoingMessage } from "../../shared/protocol/outgoing-message.ts";

export const MESSAGE_ACTIVITIES = {
  signal: "__signal_execution",
  cancel: "__cancel_execution",
  query: "__query_execution",
} as const satisfies Record<OutgoingMessage["kind"], string>;

const NAMES: ReadonlySet<string> = new Set(Object.values(MESSAGE_ACTIVITIES));

/**
 * Such an attempt stays in the worker whose step asks for it, also while that worker drains, has no slot left, or is told of a
 * hold: the worker may be one that serves no queue of activities.
 */
export const isMessageActivity = (name: string): boolean => NAMES.has(name);

/** The activities of the user's own program. */
export const ownNames = (activities: ReadonlyMap<string, unknown>): string[] =>
  [...activities.keys()].filter((name) => !isMessageActivity(name));

/** The recorded input. */
export interface MessageInput {
  readonly execution: string;
  /** Number of the child that the message is for. */
  readonly child?: number;
  readonly message: OutgoingMessage;
}

/** Longer than the server waits for the answer of a query. */
const ATTEMPT_MS: Millis = 60_000;
/** The back-off has passed an hour when attempts are no longer recorded each (DECIDE-6), so that none goes to the queue. */
const retry = (max_attempts: number): RetryPolicy => ({
  max_attempts,
  first_ms: 1_000,
  factor: 3,
  max_ms: 7_200_000,
  non_retryable: [],
});

/** A query that three waits have not answered fails. A signal and a cancel request are repeated until the server takes or refuses them. */
export const messageOptions = (kind: OutgoingMessage["kind"]): ActivityOptions => ({
  start_to_close_ms: ATTEMPT_MS,
  retry: retry(kind === "query" ? 3 : 0),
});
