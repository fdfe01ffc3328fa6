/** Server-sent events: the envelope of a public event, and the text of a frame. */
import type { PublicEvent } from "../core/present.ts";
import type { FeedItem } from "../ports.ts";
import type { StreamError, StreamEventPayload } from "../protocol/http/events.ts";
import { timestamp } from "../protocol/http/fields.ts";
import type { ResponseOf } from "../protocol/routes.ts";

type LogRecord = ResponseOf<"streamWorkflowExecutionLogs">;

export type Frame =
  | { readonly kind: "event"; readonly data: StreamEventPayload }
  | { readonly kind: "log"; readonly id: string; readonly data: LogRecord }
  /** A comment that keeps the connection open; clients skip it. */
  | { readonly kind: "keep-alive" }
  /** Where the stream begins. Clients keep the id and skip the rest, because it has no data. */
  | { readonly kind: "position"; readonly sequence: number }
  /** The stream has failed and ends. */
  | { readonly kind: "error"; readonly data: StreamError };

/** `namespace`: the workspace id. */
export function frameOf(namespace: string, item: FeedItem): Frame {
  const { event, sequence } = item;
  const { wire } = event;
  return {
    kind: "event",
    data: {
      stream: event.stream,
      timestamp: timestamp(Math.floor(wire.event_timestamp / 1000)),
      data: wire as unknown as StreamEventPayload["data"],
      workflow_context: {
        namespace,
        workflow_name: wire.workflow_name,
        workflow_exec_id: wire.workflow_exec_id,
        parent_workflow_exec_id: wire.parent_workflow_exec_id,
        root_workflow_exec_id: wire.root_workflow_exec_id,
      },
      metadata: metadataOf(event),
      broker_sequence: sequence,
    },
  };
}

/** The keys that `metadata_filters` can match; other properties have query parameters of their own. */
export function metadataOf(event: PublicEvent): Record<string, string> {
  const { wire, activity, scope } = event;
  const { custom_task_id, custom_task_type } = wire.attributes;
  return {
    scope,
    event_type: wire.event_type,
    workflow_run_id: wire.workflow_run_id,
    ...(wire.chain_run_id !== null && { chain_run_id: wire.chain_run_id }),
    ...(wire.schedule_id !== null && { schedule_id: wire.schedule_id }),
    ...(activity && { activity_id: activity.id, activity_name: activity.name }),
    ...(typeof custom_task_id === "string" && { custom_task_id }),
    ...(typeof custom_task_type === "string" && { custom_task_type }),
  };
}

/** Each frame ends with a blank line: clients drop a last frame without one. */
export function textOf(frame: Frame): string {
  switch (frame.kind) {
    case "event":
      return `id: ${frame.data.broker_sequence}\ndata: ${JSON.stringify(frame.data)}\n\n`;
    case "log":
      return `id: ${frame.id}\nevent: log\ndata: ${JSON.stringify(frame.data)}\n\n`;
    case "keep-alive":
      return ": keep-alive\n\n";
    case "position":
      return `id: ${frame.sequence}\n\n`;
    case "error":
      return `event: error\ndata: ${JSON.stringify(frame.data)}\n\n`;
  }
}
