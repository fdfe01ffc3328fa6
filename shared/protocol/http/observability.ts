/** Metrics, traces and logs. */
import * as z from "zod";
import { MAX_SMALL_PAGE } from "../limits.ts";
import { executionFields } from "./executions.ts";
import { Cursor, Instant, Order, pageSize, Timestamp } from "./fields.ts";

/** Bounds on the start of runs; `end_time` is exclusive. */
export const MetricsQuery = z.object({ start_time: Instant.optional(), end_time: Instant.optional() });
/** 0 where there is no data, never null. Latencies are milliseconds; a pair is microseconds since the epoch and latency. */
const Scalar = z.object({ value: z.number() });
export const WorkflowMetrics = z
  .object({
    execution_count: Scalar,
    success_count: Scalar,
    error_count: Scalar,
    average_latency_ms: Scalar,
    latency_over_time: z.object({ value: z.array(z.array(z.number()).min(2).max(2)) }),
    retry_rate: Scalar,
    // The following are own fields.
    p50_latency_ms: Scalar,
    p95_latency_ms: Scalar,
    open_count: Scalar,
    failed_count: Scalar,
    canceled_count: Scalar,
    terminated_count: Scalar,
    timed_out_count: Scalar,
    continued_count: Scalar,
    reset_count: Scalar,
    /** The window that was counted: that of the request, widened to whole minutes, or hours where it is older. */
    start_time: Timestamp,
    end_time: Timestamp,
  })
  .meta({ id: "WorkflowMetrics" });

export const TraceInfoResponse = z
  .object({ otel_trace_id: z.string().nullable(), has_trace_data: z.boolean() })
  .meta({ id: "ExecutionTraceInfoResponse" });

const OtelScalar = z.union([
  z.object({ stringValue: z.string() }),
  z.object({ intValue: z.string().regex(/^-?\d+$/) }),
  z.object({ doubleValue: z.number() }),
  z.object({ boolValue: z.boolean() }),
]);
const OtelValue = z.union([...OtelScalar.options, z.object({ arrayValue: z.object({ values: z.array(OtelScalar) }) })]);
const OtelAttributes = z.array(z.object({ key: z.string(), value: OtelValue }));
const OtelSpan = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().nullable(),
  name: z.string(),
  kind: z.string(),
  startTimeUnixNano: z.string(),
  endTimeUnixNano: z.string(),
  attributes: OtelAttributes,
  events: z.array(z.object({ name: z.string(), timeUnixNano: z.string(), attributes: OtelAttributes })),
});
const OtelTrace = z.object({
  batches: z.array(
    z.object({
      resource: z.object({ attributes: OtelAttributes }),
      scopeSpans: z.array(z.object({ scope: z.object({ name: z.string() }), spans: z.array(OtelSpan) })),
    }),
  ),
});
export const TraceOtelResponse = z
  .object({
    ...executionFields,
    data_source: z.string(),
    otel_trace_id: z.string().nullable(),
    otel_trace_data: OtelTrace.nullable(),
  })
  .meta({ id: "WorkflowExecutionTraceOTelResponse" });

/** Fields called `*_unix_nano` that are numbers hold microseconds: nanoseconds are beyond exact JavaScript numbers. */
const AttributeValue = z.union([z.string(), z.number(), z.boolean(), z.array(z.unknown()), z.null()]);
const Attributes = z.record(z.string(), AttributeValue);
const traceEvent = {
  id: z.string(),
  name: z.string(),
  timestamp_unix_nano: z.int(),
  attributes: Attributes,
  internal: z.boolean(),
};
const TraceEvent = z.object({ ...traceEvent, type: z.literal("EVENT") }).meta({ id: "WorkflowExecutionTraceEvent" });
const ProgressEvent = z
  .object({
    ...traceEvent,
    type: z.literal("EVENT_PROGRESS"),
    status: z.enum(["RUNNING", "COMPLETED", "FAILED"]),
    start_time_unix_ms: z.int(),
    end_time_unix_ms: z.int().nullable(),
    error: z.string().nullable(),
  })
  .meta({ id: "WorkflowExecutionProgressTraceEvent" });

const SummarySpan = z
  .object({
    span_id: z.string(),
    name: z.string(),
    start_time_unix_nano: z.int(),
    end_time_unix_nano: z.int().nullable(),
    attributes: Attributes,
    events: z.array(TraceEvent),
    get children() {
      return z.array(SummarySpan);
    },
  })
  .meta({ id: "WorkflowExecutionTraceSummarySpan" });
export const TraceSummaryResponse = z
  .object({ ...executionFields, span_tree: SummarySpan.nullable() })
  .meta({ id: "WorkflowExecutionTraceSummaryResponse" });

export const TraceEventsQuery = z.object({
  merge_same_id_events: z.boolean().default(false),
  include_internal_events: z.boolean().default(false),
});
export const TraceEventsResponse = z
  .object({ ...executionFields, events: z.array(z.discriminatedUnion("type", [ProgressEvent, TraceEvent])) })
  .meta({ id: "WorkflowExecutionTraceEventsResponse" });

/** In rising order of its parts: places, and in the stream of a deployment the id of the execution. */
const LOG_ID = /^\d{1,15}\.\d{1,15}(?:\.\d{1,15}\.[A-Za-z0-9_-]+)?$/;
const MAX_LOG_ID = 400;

export const LogRecord = z
  .object({
    timestamp: Timestamp,
    trace_id: z.string(),
    span_id: z.string(),
    severity_text: z.string(),
    body: z.string(),
    log_attributes: z.record(z.string(), z.string()),
  })
  .meta({ id: "LogRecord" });
export const LogSearchResponse = z
  .object({ results: z.array(LogRecord), next_cursor: z.string().nullable() })
  .meta({ id: "LogSearchResponse" });

/** `order` applies to the first page only: a cursor keeps its direction. */
const search = {
  after: Instant.optional(),
  before: Instant.optional(),
  order: Order.default("asc"),
  cursor: Cursor.optional(),
  limit: pageSize(MAX_SMALL_PAGE),
};
/** The `id` of the last frame that the client has read. */
const LastLogId = z.string().max(MAX_LOG_ID).regex(LOG_ID, { error: "the id of a frame of this stream is wanted" });
const tail = { after: Instant.optional(), last_event_id: LastLogId.optional() };
const ofExecution = {
  run_id: z.string().optional(),
  activity_id: z.string().regex(/^\d+$/, { error: "digits are wanted" }).optional(),
};
const ofDeployment = {
  worker_name: z.string().optional(),
  workflow_name: z.string().optional(),
  log_type: z.enum(["runtime", "build"]).optional(),
};
export const ExecutionLogsQuery = z.object({ ...ofExecution, ...search });
export const ExecutionLogStreamQuery = z.object({ ...ofExecution, ...tail });
export const DeploymentLogsQuery = z.object({ ...ofDeployment, ...search });
export const DeploymentLogStreamQuery = z.object({ ...ofDeployment, ...tail });
