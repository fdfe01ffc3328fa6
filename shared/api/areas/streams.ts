/** Lists and streams of events. */

import { lazy } from "../../lib/lazy.ts";
import { invalidAt } from "../../protocol/errors.ts";
import { LastEventId } from "../../protocol/http/events.ts";
import { STREAM_ROWS } from "../../protocol/routes/streams.ts";
import { listEvents } from "../events.ts";
import type { HandlersOf, RouteModule } from "../route-module.ts";
import { streamEvents, streamExecution } from "../streams.ts";

/** Streams that are rare: their code is loaded at the first use. */
const load = { logs: lazy(() => import("../logs.ts")) };

const handlers: HandlersOf<"streams"> = {
  getWorkflowEvents: (context, { query }) => listEvents(context, query),
  getStreamEvents: (context, { query, lastEventId }) =>
    resume(lastEventId, query.last_event_id, (after) => streamEvents(context, query, after)),
  streamWorkflowExecution: (context, { params, query, lastEventId }) =>
    resume(lastEventId, query.last_event_id, (after) => streamExecution(context, params.execution_id, after)),
  streamWorkflowExecutionLogs: async (context, { params, query, lastEventId }) =>
    (await load.logs()).streamExecutionLogs(context, params.execution_id, query, lastEventId),
  streamDeploymentLogs: async (context, { params, query, lastEventId }) =>
    (await load.logs()).streamDeploymentLogs(context, params.name, query, lastEventId),
};

export const STREAMS: RouteModule = { routes: STREAM_ROWS, handlers };

/** The header overrides the query parameter. */
function resume<T>(header: string | undefined, query: number | undefined, open: (after: number | undefined) => T) {
  if (header === undefined || header.trim() === "") return open(query);
  const after = LastEventId.safeParse(header.trim());
  return after.success
    ? open(after.data)
    : invalidAt(["header", "last-event-id"], "must be the id of a frame of the stream, a whole number");
}
