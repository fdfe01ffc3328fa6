/** Workflows and their registrations. */
import * as z from "zod";
import { MAX_BATCH_IDS, MAX_DESCRIPTION, MAX_DISPLAY_NAME, MAX_TAG, MAX_TAGS } from "../limits.ts";
import { line, lines } from "../text.ts";
import { ExecutionStatus } from "./executions.ts";
import { Cursor, JsonObject, Order, pageSize } from "./fields.ts";

/** `tags` all match; `archived` absent = both; `active_only` is an older form of `deployment_status=active`. */
export const ListWorkflowsQuery = z.object({
  status: z.array(ExecutionStatus).optional(),
  include_shared: z.boolean().default(true),
  available_in_chat_assistant: z.boolean().optional(),
  deployment_name: z.array(z.string()).optional(),
  deployment_status: z.enum(["active", "inactive"]).optional(),
  archived: z.boolean().optional(),
  tags: z.array(z.string()).optional(),
  sort_by: z.enum(["display_name"]).optional(),
  order: Order.default("asc"),
  cursor: Cursor.optional(),
  limit: pageSize(),
  active_only: z.boolean().default(false),
  search: z.string().optional(),
});

export const WorkflowListResponse = z
  .object({
    workflows: z.array(
      z
        .object({
          id: z.string(),
          name: z.string(),
          display_name: z.string(),
          description: z.string().nullable(),
          archived: z.boolean(),
          metadata: z.object({ shared_namespace: z.string().nullable() }),
          tags: z.array(z.string()),
        })
        .meta({ id: "WorkflowBasicDefinition" }),
    ),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "WorkflowListResponse" });

const workflow = {
  id: z.string(),
  name: z.string(),
  display_name: z.string(),
  type: z.literal("code"),
  description: z.string().nullable(),
  customer_id: z.string(),
  workspace_id: z.string(),
  shared_namespace: z.string().nullable(),
  available_in_chat_assistant: z.boolean(),
  is_technical: z.boolean(),
  archived: z.boolean(),
  tags: z.array(z.string()),
};
export const Workflow = z.object(workflow).meta({ id: "Workflow" });
export type Workflow = z.infer<typeof Workflow>;

/** `active`: a deployment that serves the workflow has a live worker. */
export const WorkflowGetResponse = z
  .object({ workflow: z.object({ ...workflow, active: z.boolean() }).meta({ id: "WorkflowWithWorkerStatus" }) })
  .meta({ id: "WorkflowGetResponse" });

const Tag = line().min(1).max(MAX_TAG);
const Tags = z
  .array(Tag)
  .max(MAX_TAGS)
  .transform((tags) => [...new Set(tags)]);
/** Absent: stays. `null` takes the change back: the worker's own title and description, no tags, not in the chat assistant. */
export const WorkflowUpdateRequest = z
  .object({
    display_name: line().min(1).max(MAX_DISPLAY_NAME).nullish(),
    description: lines().max(MAX_DESCRIPTION).nullish(),
    available_in_chat_assistant: z.boolean().nullish(),
    tags: Tags.nullish(),
  })
  .meta({ id: "WorkflowUpdateRequest" });
export const AddTagsRequest = z.object({ tags: Tags }).meta({ id: "AddTagsRequest" });

export const WorkflowUpdateResponse = z.object({ workflow: Workflow }).meta({ id: "WorkflowUpdateResponse" });
export const WorkflowArchiveResponse = z.object({ workflow: Workflow }).meta({ id: "WorkflowArchiveResponse" });
export const WorkflowUnarchiveResponse = z.object({ workflow: Workflow }).meta({ id: "WorkflowUnarchiveResponse" });

export const WorkflowIdsRequest = z
  .object({ workflow_ids: z.array(z.string()).min(1).max(MAX_BATCH_IDS) })
  .meta({ id: "WorkflowBulkRequest" });
const errored = z.array(
  z
    .object({ workflow_id: z.string(), message: z.string(), workflow: Workflow.nullable() })
    .meta({ id: "WorkflowBulkError" }),
);
export const WorkflowBulkArchiveResponse = z
  .object({ archived: z.array(Workflow), errored })
  .meta({ id: "WorkflowBulkArchiveResponse" });
export const WorkflowBulkUnarchiveResponse = z
  .object({ unarchived: z.array(Workflow), errored })
  .meta({ id: "WorkflowBulkUnarchiveResponse" });

const handler = { name: z.string(), description: z.string().nullable(), input_schema: JsonObject };
const output_schema = JsonObject.nullable();
/** A workflow as its worker has declared it. `execution_timeout` is seconds; absent = no limit. */
export const WorkflowCodeDefinition = z
  .object({
    input_schema: JsonObject,
    output_schema,
    signals: z.array(z.object(handler).meta({ id: "SignalDefinition" })),
    queries: z.array(z.object({ ...handler, output_schema }).meta({ id: "QueryDefinition" })),
    updates: z.array(z.object({ ...handler, output_schema }).meta({ id: "UpdateDefinition" })),
    enforce_determinism: z.boolean(),
    on_behalf_of: z.boolean(),
    execution_timeout: z.number().optional(),
    /** Own field. Executions stay with the version of the code on which they began; absent: any worker goes on with them. */
    versioning: z.literal("pinned").optional(),
    plugin_metadata: JsonObject.nullable(),
  })
  .meta({ id: "WorkflowCodeDefinition" });
export type WorkflowCodeDefinition = z.infer<typeof WorkflowCodeDefinition>;

const registration = {
  id: z.string(),
  workflow_id: z.string(),
  definition: WorkflowCodeDefinition,
  deployment_id: z.string().nullable(),
  deployment_name: z.string().nullable(),
  task_queue: z.string().nullable(),
  workflow: Workflow.nullable(),
  compatible_with_chat_assistant: z.boolean(),
};
export const WorkflowRegistration = z.object(registration).meta({ id: "WorkflowRegistration" });
export type WorkflowRegistration = z.infer<typeof WorkflowRegistration>;

export const ListRegistrationsQuery = z.object({
  workflow_id: z.string().optional(),
  workflow_name: z.string().optional(),
  task_queue: z.string().optional(),
  active_only: z.boolean().default(false),
  include_shared: z.boolean().default(true),
  workflow_search: z.string().optional(),
  archived: z.boolean().optional(),
  with_workflow: z.boolean().default(false),
  available_in_chat_assistant: z.boolean().optional(),
  limit: pageSize(),
  cursor: Cursor.optional(),
});
/** `workflow_versions` repeats `workflow_registrations` under an older name, which clients still require. */
export const WorkflowRegistrationListResponse = z
  .object({
    workflow_registrations: z.array(WorkflowRegistration),
    workflow_versions: z.array(WorkflowRegistration),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "WorkflowRegistrationListResponse" });

export const GetRegistrationQuery = z.object({
  with_workflow: z.boolean().default(false),
  include_shared: z.boolean().default(true),
});
const WithWorkerStatus = z
  .object({ ...registration, active: z.boolean() })
  .meta({ id: "WorkflowRegistrationWithWorkerStatus" });
export const WorkflowRegistrationGetResponse = z
  .object({ workflow_registration: WithWorkerStatus, workflow_version: WithWorkerStatus })
  .meta({ id: "WorkflowRegistrationGetResponse" });
