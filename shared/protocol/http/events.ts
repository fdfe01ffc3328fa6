/** Event lists and streams: their queries, their answers, and the envelope of a streamed event. */
import * as z from "zod";
import { readJson } from "../json-text.ts";
import { isObject } from "../json-value.ts";
import { DEFAULT_EVENTS_PAGE, MAX_PAGE } from "../limits.ts";
import { PUBLIC_EVENT_TYPES, PublicEvent } from "./event-types.ts";
import { Cursor, JsonObject, pageSize, Timestamp } from "./fields.ts";

export const ListEventsQuery = z.object({
  root_workflow_exec_id: z.string().optional(),
  workflow_exec_id: z.string().optional(),
  workflow_run_id: z.string().optional(),
  limit: pageSize(MAX_PAGE, DEFAULT_EVENTS_PAGE),
  cursor: Cursor.optional(),
});

export const ListWorkflowEventResponse = z
  .object({ events: z.array(PublicEvent), next_cursor: z.string().nullable() })
  .meta({ id: "ListWorkflowEventResponse" });

/** A position in a stream: the `id` of the last frame that the client has read, which is a `broker_sequence`. */
export const LastEventId = z
  .string()
  .regex(/^\d{1,15}$/, { error: "the id of a stream's frame is a whole number" })
  .transform(Number);

/** The stream of one execution. Any `event_source` is accepted: there is only one source here. */
export const ExecutionStreamQuery = z.object({
  event_source: z.string().optional(),
  last_event_id: LastEventId.optional(),
});

const any = z.string().default("*");
const declared = z.object({
  scope: z.enum(["*", "workflow", "activity"]).default("*"),
  activity_name: any,
  activity_id: any,
  workflow_name: any,
  workflow_exec_id: any,
  root_workflow_exec_id: any,
  parent_workflow_exec_id: any,
  stream: any,
  start_seq: z.int().min(0).default(0),
  from_now: z.boolean().default(false),
  last_event_id: LastEventId.optional(),
  workflow_event_types: z.array(z.enum(PUBLIC_EVENT_TYPES)).optional(),
  metadata_filters: z
    .string()
    .optional()
    .meta({ description: "A JSON object; its keys may also be query keys of their own." }),
});
type Declared = Omit<z.output<typeof declared>, "metadata_filters">;
const DECLARED: ReadonlySet<string> = new Set(Object.keys(declared.shape));

/**
 * The stream of a workspace. `*` matches all. `start_seq` is inclusive. `last_event_id` is exclusive and wins over it, and
 * the header `Last-Event-ID` wins over both. `from_now`, without either of them, is an own key: the stream has no earlier events, and
 * its first block is an `id` without data, at which a later stream can go on. Every undeclared key is a metadata filter, because the TypeScript client
 * spreads its `metadata_filters` over the query; other clients send one JSON object.
 */
export const StreamEventsQuery = declared
  .catchall(z.string())
  .transform((query, ctx): Declared & { metadata_filters: Record<string, string> } => {
    const { metadata_filters: json, ...rest } = query;
    const filters = json === undefined ? {} : readFilters(json);
    if (filters === undefined) {
      const message = 'metadata_filters is not a JSON object such as {"key":"value"}';
      ctx.addIssue({ code: "custom", path: ["metadata_filters"], message });
      return z.NEVER;
    }
    for (const [key, value] of Object.entries(rest)) if (!DECLARED.has(key)) filters[key] = value as string;
    return { ...(rest as Declared), metadata_filters: filters };
  });

function readFilters(json: string): Record<string, string> | undefined {
  const read = readJson(json);
  if ("problem" in read || !isObject(read.value)) return undefined;
  const entries = Object.entries(read.value).map(
    ([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v)] as const,
  );
  return Object.fromEntries(entries);
}

/** The `data` of a stream's frame. `namespace` is the workspace id; `broker_sequence` is the frame's `id` as well. */
export const StreamEventPayload = z
  .object({
    stream: z.string(),
    timestamp: Timestamp,
    data: PublicEvent,
    workflow_context: z.object({
      namespace: z.string(),
      workflow_name: z.string(),
      workflow_exec_id: z.string(),
      parent_workflow_exec_id: z.string().nullable(),
      root_workflow_exec_id: z.string().nullable(),
    }),
    metadata: JsonObject,
    broker_sequence: z.int().min(0),
  })
  .meta({ id: "StreamEventSsePayload" });
export type StreamEventPayload = z.infer<typeof StreamEventPayload>;

/** The `data` of a frame with `event: error`, after which the stream ends. */
export const StreamError = z
  .object({ error: z.string(), reason: z.enum(["read_error", "stream_error", "internal_error"]) })
  .meta({ id: "StreamError" });
export type StreamError = z.infer<typeof StreamError>;
