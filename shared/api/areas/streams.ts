/** Events: lists of them, and streams. */

import { invalidAt } from "../../protocol/errors.ts";
import { LastEventId } from "../../protocol/http/events.ts";
import { STREAM_ROWS } from "../../protocol/routes/streams.ts";
import { listEvents } from "../events.ts";
import type { HandlersOf, Part } from "../handlers.ts";
import { streamEvents, streamExecution } from "../streams.ts";

const handlers: HandlersOf<"streams"> = {
  getWorkflowEvents: (call, { query }) => listEvents(call, query),
  getStreamEvents: (call, { query, lastEventId }) =>
    resume(lastEventId, query.last_event_id, (after) => streamEvents(call, query, after)),
  streamWorkflowExecution: (call, { params, query, lastEventId }) =>
    resume(lastEventId, query.last_event_id, (after) => streamExecution(call, params.execution_id, after)),
};

export const STREAMS: Part = { routes: STREAM_ROWS, handlers };

/** The header is stronger than the query key. */
function resume<T>(header: string | undefined, query: number | undefined, open: (after: number | undefined) => T) {
  if (header === undefined || header.trim() === "") return open(query);
  const after = LastEventId.safeParse(header.trim());
  return after.success
    ? open(after.data)
    : invalidAt(["header", "last-event-id"], "the id of a stream's frame is a whole number");
}
