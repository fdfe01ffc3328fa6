/** Workflows and registrations as clients see them. */
import type { RegistrationRecord, WorkflowRecord } from "../ports.ts";
import type { Workflow, WorkflowCodeDefinition, WorkflowRegistration } from "../protocol/http/workflows.ts";
import type { HandlerDefinition, WorkflowDefinition } from "../protocol/worker.ts";
import type { RequestContext } from "./request-context.ts";

export function workflowView(context: RequestContext, workflow: WorkflowRecord, technical: boolean): Workflow {
  return {
    id: workflow.id,
    name: workflow.name,
    display_name: workflow.displayName,
    type: "code",
    description: workflow.description,
    customer_id: context.options.installation,
    workspace_id: context.workspace,
    shared_namespace: null,
    available_in_chat_assistant: workflow.availableInChatAssistant,
    is_technical: technical,
    archived: workflow.archived,
    tags: [...workflow.tags],
  };
}

/** `deploymentId`: id of its deployment. `workflow`: null unless the caller asked for it. */
export function registrationView(
  registration: RegistrationRecord,
  deploymentId: string | null,
  workflow: Workflow | null,
): WorkflowRegistration {
  return {
    id: registration.id,
    workflow_id: registration.workflowId,
    definition: definitionView(registration.definition),
    deployment_id: deploymentId,
    deployment_name: registration.deployment,
    task_queue: registration.deployment, // the older name of deployment_name
    workflow,
    compatible_with_chat_assistant: false,
  };
}

function definitionView(d: WorkflowDefinition): WorkflowCodeDefinition {
  return {
    input_schema: d.input_schema,
    output_schema: d.output_schema ?? null,
    signals: d.signals.map(handlerView),
    queries: d.queries.map((h) => ({ ...handlerView(h), output_schema: h.output_schema ?? null })),
    updates: d.updates.map((h) => ({ ...handlerView(h), output_schema: h.output_schema ?? null })),
    enforce_determinism: d.enforce_determinism,
    on_behalf_of: false,
    ...(d.execution_timeout !== null && { execution_timeout: d.execution_timeout }),
    ...(d.versioning && { versioning: d.versioning }),
    plugin_metadata: null,
  };
}

function handlerView(h: HandlerDefinition) {
  return { name: h.name, description: h.description ?? null, input_schema: h.input_schema };
}
