/** Executions: start, read, signal, query, update, cancel, terminate, reset. */
import * as z from "zod";
import { ExecutionCost } from "../cost.ts";
import { ExecutionId, HandlerName, IdempotencyKey } from "../ids.ts";
import { isObject, JsonRecord } from "../json-value.ts";
import { MAX_BATCH_IDS, MAX_PAGE, MAX_REASON } from "../limits.ts";
import { ResetTo } from "../reset.ts";
import { PUBLIC_STATUSES } from "../status.ts";
import { line } from "../text.ts";
import { Json, NetworkEncodedInput, Order, Timestamp } from "./fields.ts";

export const ExecutionStatus = z.enum(PUBLIC_STATUSES).meta({ id: "WorkflowExecutionStatus" });

/** Arguments by name. `null` and absent count as `{}`; see `isEncodedInput` for the encoded form. */
const Input = z
  .unknown()
  .refine((input) => input == null || isObject(input), { error: "an object with the parameters by name is wanted" })
  .optional()
  .meta({ anyOf: [{ type: "object", additionalProperties: {} }, { type: "null" }] }) as unknown as z.ZodOptional<
  z.ZodType<Record<string, unknown> | null>
>;

/** Whether a start may use an id that an execution had before: never, if that one ended without a result, or always. */
export const IdReusePolicy = z.enum(["reject", "reject_unless_failed", "allow"]);
export type IdReusePolicy = z.infer<typeof IdReusePolicy>;

/** `task_queue` is an older name of `deployment_name`. `timeout_seconds` bounds the wait, not the execution. */
export const WorkflowExecutionRequest = z
  .object({
    execution_id: ExecutionId.nullish(),
    input: Input,
    encoded_input: NetworkEncodedInput.nullish(),
    wait_for_result: z.boolean().default(false),
    timeout_seconds: z.number().min(0).nullish(),
    custom_tracing_attributes: z.record(z.string(), z.string()).nullish(),
    force_new_trace: z.boolean().default(false),
    /** As in the header, which counts if this is absent. The server leaves out one that is malformed. */
    traceparent: z
      .unknown()
      .optional()
      .meta({ anyOf: [{ type: "string" }, { type: "null" }] }),
    extensions: JsonRecord.nullish(),
    task_queue: z.string().nullish(),
    deployment_name: z.string().nullish(),
    /** Own fields, which released clients do not send: see the header for the second. */
    id_reuse_policy: IdReusePolicy.nullish(),
    idempotency_key: IdempotencyKey.nullish(),
  })
  .refine((body) => body.input == null || body.encoded_input == null, {
    path: ["encoded_input"],
    error: "input and encoded_input exclude each other: send only one of the two",
  })
  .meta({ id: "WorkflowExecutionRequest" });
export type WorkflowExecutionRequest = z.infer<typeof WorkflowExecutionRequest>;

/** An execution without its result, as in lists. Times of a running one: `end_time` null, duration null. */
export const WorkflowExecutionWithoutResult = z
  .object({
    workflow_name: z.string(),
    workflow_id: z.string().nullable(),
    execution_id: z.string(),
    run_id: z.string().nullable(),
    root_execution_id: z.string(),
    parent_execution_id: z.string().nullable(),
    deployment_name: z.string().nullable(),
    user_id: z.string().nullable(),
    status: ExecutionStatus.nullable(),
    start_time: Timestamp,
    end_time: Timestamp.nullable(),
    total_duration_ms: z.int().nullable(),
  })
  .meta({ id: "WorkflowExecutionWithoutResultResponse" });
export type WorkflowExecutionWithoutResult = z.infer<typeof WorkflowExecutionWithoutResult>;

/** `search_keys` values are texts. A key without a value is left out, because the client fails at a null. */
export const executionFields = {
  ...WorkflowExecutionWithoutResult.shape,
  result: Json,
  search_keys: z.record(z.string(), z.string()).nullable(),
  /** Own field: why the server lets the execution wait although it could go on, and until when; null = it does not. */
  hold: z.object({ reason: z.literal("continues_as_new_too_often"), until: Timestamp }).nullable(),
  /** Own field: what the execution, with all runs of its chain, has used of the store and the queues; null = it runs. */
  cost: ExecutionCost.nullable(),
};
export const WorkflowExecutionResponse = z.object(executionFields).meta({ id: "WorkflowExecutionResponse" });
export type WorkflowExecutionResponse = z.infer<typeof WorkflowExecutionResponse>;

/** The answer of an execute with `wait_for_result`. */
export const WorkflowExecutionSyncResponse = z
  .object({ workflow_name: z.string(), execution_id: z.string(), result: Json })
  .meta({ id: "WorkflowExecutionSyncResponse" });
export type WorkflowExecutionSyncResponse = z.infer<typeof WorkflowExecutionSyncResponse>;

/** The whole execution comes first: a client that tries both shapes in order keeps the richer one. */
export const ExecuteResponse = z.union([WorkflowExecutionResponse, WorkflowExecutionSyncResponse]);

/** Deletes one that runs as well, if it is damaged so that it can be neither ended nor reset. */
export const DeleteExecutionQuery = z.object({ damaged: z.boolean().default(false) });

export const GetExecutionQuery = z.object({ include_search_keys: z.boolean().default(false) });

/**
 * `after`, `limit`, `order` and `cut_payloads` are own parameters, which released clients do not send. With one of the
 * first three the answer is a page; without them it is the whole history.
 */
export const HistoryQuery = z.object({
  decode_payloads: z.boolean().default(false),
  /** An event id: the page continues behind it, in the asked order. */
  after: z.int().min(0).optional(),
  limit: z.int().min(1).max(MAX_PAGE).optional(),
  order: Order.optional(),
  cut_payloads: z.boolean().default(false),
});
export type HistoryQuery = z.output<typeof HistoryQuery>;
const RecordedEvent = z.looseObject({ id: z.int().min(1) });
/**
 * Recorded events with ascending integer ids, in their own form (see `history.ts`). `next_after` is in pages only: the
 * `after` of the next page, null at the end. A page may be shorter than its limit, because its bytes are limited too.
 */
export const HistoryResponse = z
  .object({ events: z.array(RecordedEvent), next_after: z.int().nullable().optional() })
  .meta({ id: "HistoryResponse" });
export const HistoryEventQuery = z.object({ decode_payloads: z.boolean().default(false) });
export const HistoryEventResponse = z.object({ event: RecordedEvent }).meta({ id: "HistoryEventResponse" });

const invocation = { name: HandlerName, input: Input };
export const SignalInvocationBody = z.object(invocation).meta({ id: "SignalInvocationBody" });
export const QueryInvocationBody = z.object(invocation).meta({ id: "QueryInvocationBody" });
export const UpdateInvocationBody = z.object(invocation).meta({ id: "UpdateInvocationBody" });

export const SignalWorkflowResponse = z.object({ message: z.string() }).meta({ id: "SignalWorkflowResponse" });
export const QueryWorkflowResponse = z
  .object({ query_name: z.string(), result: Json })
  .meta({ id: "QueryWorkflowResponse" });
export const UpdateWorkflowResponse = z
  .object({ update_name: z.string(), result: Json })
  .meta({ id: "UpdateWorkflowResponse" });

/**
 * Either `event_id`, an event at which a decision was recorded, or `to`. The decisions of that step are taken again.
 * `first_failure`: before the first activity or child that failed for good.
 */
export const ResetInvocationBody = z
  .object({
    event_id: z.int().min(1).nullish(),
    to: ResetTo.nullish(),
    reason: line().max(MAX_REASON).nullish(),
    exclude_signals: z.boolean().default(false),
    exclude_updates: z.boolean().default(false),
    /** Own field: the execution goes on in this deployment, such as another version of the code. Default: where it is. */
    deployment_name: z.string().nullish(),
    /** Own field: see the header. */
    idempotency_key: IdempotencyKey.nullish(),
  })
  .meta({ id: "ResetInvocationBody" });
export type ResetInvocationBody = z.output<typeof ResetInvocationBody>;

const ShownEvent = z
  .object({ event_id: z.int(), at: Timestamp, kind: z.string(), name: z.string().nullable() })
  .meta({ id: "ResetPreviewEvent" });
/** What a reset with the same body would do. Each list has 200 entries at most; `complete`: none was cut. */
export const ResetPreviewResponse = z
  .object({
    run_id: z.string(),
    /** The new run begins with a copy of the events up to this one. */
    kept_through: z.int(),
    dropped_events: z.int(),
    /** Steps and messages among those: decisions, and what the code has learnt. */
    dropped: z.array(ShownEvent),
    /** Open at the point: they begin anew, at their first attempt. */
    restarted_activities: z.array(z.string()),
    /** Of those that are dropped: messages, and outcomes of children, that the new run is given again. */
    given_again: z.array(ShownEvent),
    /** Of those that are dropped: messages that the new run is not given. */
    left_out: z.array(ShownEvent),
    complete: z.boolean(),
    /** Why the history has no such point; null: it has. Then `reset_points` describes the last of those that it has. */
    refusal: z.string().nullable(),
    reset_points: z.array(
      z
        .object({ event_id: z.int(), at: Timestamp, after: z.string(), decisions: z.array(z.string()) })
        .meta({ id: "ResetPoint" }),
    ),
  })
  .meta({ id: "ResetPreviewResponse" });

export const BatchExecutionBody = z
  .object({ execution_ids: z.array(z.string()).min(1).max(MAX_BATCH_IDS) })
  .meta({ id: "BatchExecutionBody" });
export const BatchExecutionResponse = z
  .object({
    results: z.record(z.string(), z.object({ status: z.enum(["success", "failure"]), error: z.string().nullable() })),
  })
  .meta({ id: "BatchExecutionResponse" });
