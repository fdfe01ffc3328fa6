import type { HistoryEvent } from "../protocol/history.ts";

/** Attempts of activities that ended and were followed by another. */
export const retriesIn = (events: readonly HistoryEvent[]): number =>
  events.reduce((n, event) => n + (event.kind === "activity_attempt_failed" ? 1 : 0), 0);
