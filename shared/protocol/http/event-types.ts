/**
 * The public events, which streams and event lists carry.
 *
 * EVENT-1. The set is closed: the official client fails a whole page or stream at one type that it does not know.
 * EVENT-2. Every key is present, `null` where empty.
 * EVENT-3. `event_timestamp` is microseconds since the epoch: JavaScript numbers do not hold nanoseconds exactly.
 */
import * as z from "zod";
import { Json } from "./fields.ts";

/** The encodings of a payload, in the order in which a codec applied them: `offloaded`, `encrypted`, `compressed`, … */
const EncodingOptions = z.array(z.string()).nullable();

/** A value; base64 text if the codec has encrypted all of it. */
export const JsonPayload = z
  .object({ type: z.literal("json"), value: Json, encoding_options: EncodingOptions })
  .meta({ id: "JsonPayload" });
export type JsonPayload = z.infer<typeof JsonPayload>;

const Pointer = z.string();
/** `append` adds its text to the end of the text at `path`. A `remove` has the value `null`. */
export const JsonPatch = z
  .discriminatedUnion("op", [
    z.object({ op: z.literal("add"), path: Pointer, value: Json }),
    z.object({ op: z.literal("replace"), path: Pointer, value: Json }),
    z.object({ op: z.literal("remove"), path: Pointer, value: Json }),
    z.object({
      op: z.literal("append"),
      path: Pointer,
      value: z.union([z.string(), z.object({ type: z.literal("__encrypted__"), value: z.string() })]),
    }),
  ])
  .meta({ id: "JsonPatch" });
export type JsonPatch = z.infer<typeof JsonPatch>;

/** The changes since the previous payload. */
export const JsonPatchPayload = z
  .object({
    type: z.literal("json_patch"),
    value: z.union([z.array(JsonPatch), z.string()]),
    encoding_options: EncodingOptions,
  })
  .meta({ id: "JsonPatchPayload" });
export type JsonPatchPayload = z.infer<typeof JsonPatchPayload>;

const Failure = z.object({ message: z.string() });
const run = { task_id: z.string() };
const attempt = z.int().min(1);
const activity = { task_id: z.string(), activity_name: z.string() };
const custom = { custom_task_id: z.string(), custom_task_type: z.string() };
const reason = z.string().nullable();
const timeout_type = z.string().nullable();

const common = {
  event_id: z.string(),
  event_timestamp: z.int(),
  root_workflow_exec_id: z.string(),
  parent_workflow_exec_id: z.string().nullable(),
  continued_run_id: z.string().nullable(),
  first_execution_run_id: z.string().nullable(),
  chain_run_id: z.string().nullable(),
  schedule_id: z.string().nullable(),
  workflow_exec_id: z.string(),
  workflow_run_id: z.string(),
  workflow_name: z.string(),
};
function event<const T extends string, A extends z.ZodRawShape>(type: T, attributes: A) {
  return z.object({ ...common, event_type: z.literal(type), attributes: z.object(attributes) });
}

export const PublicEvent = z
  .discriminatedUnion("event_type", [
    event("WORKFLOW_EXECUTION_STARTED", {
      ...run,
      attempt,
      workflow_name: z.string(),
      display_name: z.string().nullable(),
      input: JsonPayload,
    }),
    event("WORKFLOW_EXECUTION_COMPLETED", { ...run, attempt, result: JsonPayload }),
    event("WORKFLOW_EXECUTION_FAILED", { ...run, attempt, failure: Failure }),
    event("WORKFLOW_EXECUTION_CANCELED", { ...run, attempt, reason }),
    event("WORKFLOW_EXECUTION_CONTINUED_AS_NEW", {
      ...run,
      new_execution_run_id: z.string(),
      workflow_name: z.string(),
      input: JsonPayload,
    }),
    event("WORKFLOW_TASK_TIMED_OUT", { ...run, timeout_type }),
    event("WORKFLOW_TASK_FAILED", { ...run, failure: Failure }),
    event("ACTIVITY_TASK_STARTED", { ...activity, input: JsonPayload }),
    event("ACTIVITY_TASK_COMPLETED", { ...activity, result: JsonPayload }),
    event("ACTIVITY_TASK_RETRYING", { ...activity, attempt, failure: Failure }),
    event("ACTIVITY_TASK_FAILED", { ...activity, attempt, failure: Failure }),
    event("CUSTOM_TASK_STARTED", { ...custom, payload: JsonPayload }),
    event("CUSTOM_TASK_IN_PROGRESS", {
      ...custom,
      payload: z.discriminatedUnion("type", [JsonPayload, JsonPatchPayload]),
    }),
    event("CUSTOM_TASK_COMPLETED", { ...custom, payload: JsonPayload }),
    event("CUSTOM_TASK_FAILED", { ...custom, failure: Failure }),
    event("CUSTOM_TASK_TIMED_OUT", { ...custom, timeout_type }),
    event("CUSTOM_TASK_CANCELED", { ...custom, reason }),
  ])
  .meta({ id: "WorkflowEvent" });
export type PublicEvent = z.infer<typeof PublicEvent>;

export const PUBLIC_EVENT_TYPES = PublicEvent.options.map((option) => option.shape.event_type.value);
