/** Events and streams. */
import * as events from "../http/events.ts";
import * as observability from "../http/observability.ts";
import { DEPLOYMENT, EXECUTION, json, sse, WORKFLOWS } from "./row.ts";

export const STREAM_ROWS = [
  // Events
  json("getWorkflowEvents", "GET", `${WORKFLOWS}/events/list`, "streams", {
    query: events.ListEventsQuery,
    response: events.ListWorkflowEventResponse,
  }),
  sse("getStreamEvents", `${WORKFLOWS}/events/stream`, {
    query: events.StreamEventsQuery,
    response: events.StreamEventPayload,
  }),
  sse("streamWorkflowExecution", `${EXECUTION}/stream`, {
    query: events.ExecutionStreamQuery,
    response: events.StreamEventPayload,
  }),

  // Metrics, traces, logs
  sse("streamWorkflowExecutionLogs", `${EXECUTION}/logs/stream`, {
    query: observability.ExecutionLogStreamQuery,
    response: observability.LogRecord,
  }),
  sse("streamDeploymentLogs", `${DEPLOYMENT}/logs/stream`, {
    query: observability.DeploymentLogStreamQuery,
    response: observability.LogRecord,
  }),
] as const;
