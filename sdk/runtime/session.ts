/** The activity that `onOneWorker` calls. Its name stands in histories. */
import type { ActivityOptions } from "../../shared/protocol/history.ts";

export const SESSION_ACTIVITY = "__session";

/** An attempt takes no time, and it is harmless to lose one. */
export const SESSION_OPTIONS: ActivityOptions = {
  start_to_close_ms: 60_000,
  retry: { max_attempts: 0, first_ms: 1_000, factor: 2, max_ms: 60_000, non_retryable: [] },
};
