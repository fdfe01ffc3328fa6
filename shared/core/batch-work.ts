/** What the server does for a batch besides writing it, for the cost of the execution (COST-1). */
import type { HistoryEvent, Kind } from "../protocol/history.ts";

export interface BatchWork {
  /** Activities that went into the queue. Each sends a message back. */
  queued: number;
  /** Messages that these events took in, or that queued activities will send. */
  messages: number;
}

const TAKES_A_MESSAGE = new Set<Kind>([
  "signal_received",
  "update_accepted",
  "update_rejected",
  "cancel_requested",
  "child_completed",
  "child_failed",
]);

export function workOf(events: readonly HistoryEvent[]): BatchWork {
  const work = { queued: 0, messages: 0 };
  for (const event of events) {
    const queued = "where" in event && event.where === "queue";
    if (queued) work.queued += 1;
    if (queued || TAKES_A_MESSAGE.has(event.kind)) work.messages += 1;
  }
  return work;
}
