/** Registrations: "deployment D serves workflow W with these schemas". */
import type { RegistrationRecord, WorkflowRecord } from "../ports.ts";
import { isRefusal, notFound, type Refusal } from "../protocol/errors.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { activeDeployments } from "../routing/liveness.ts";
import { pageOf } from "./page.ts";
import type { RequestContext } from "./request-context.ts";
import { isIdPrefix, matchesSearch } from "./search.ts";
import { registrationView, workflowView } from "./workflow-view.ts";

type Query = QueryOf<"getWorkflowRegistrations">;
type Answer = ResponseOf<"getWorkflowRegistrations"> | Refusal;

export async function listRegistrations(context: RequestContext, query: Query): Promise<Answer> {
  const { registry } = context.ports;
  const [registrations, workflows, deployments, active] = await Promise.all([
    registry.registrations(context.workspace),
    registry.workflows(context.workspace),
    registry.deployments(context.workspace),
    activeDeployments(context.ports, context.workspace),
  ]);
  const byName = new Map(workflows.map((w) => [w.name, w]));
  const ids = new Map(deployments.map((d) => [d.name, d.id]));
  const page = pageOf({
    rows: registrations.filter((r) => matches(query, r, byName.get(r.workflow), active)),
    placeOf: (r) => [r.createdAt, r.id],
    order: "asc",
    limit: query.limit,
    query,
    cursor: query.cursor,
  });
  if (isRefusal(page)) return page;
  const views = page.rows.map((r) => {
    const workflow = byName.get(r.workflow);
    const shown = query.with_workflow && workflow ? workflowView(context, workflow, r.definition.is_technical) : null;
    return registrationView(r, ids.get(r.deployment) ?? null, shown);
  });
  return { workflow_registrations: views, workflow_versions: views, next_cursor: page.next };
}

function matches(
  query: Query,
  r: RegistrationRecord,
  w: WorkflowRecord | undefined,
  active: ReadonlySet<string>,
): boolean {
  if (query.workflow_id !== undefined && r.workflowId !== query.workflow_id) return false;
  if (query.workflow_name !== undefined && r.workflow !== query.workflow_name) return false;
  if (query.task_queue !== undefined && r.deployment !== query.task_queue) return false;
  if (query.active_only && !active.has(r.deployment)) return false;
  if (query.archived !== undefined && (w?.archived ?? false) !== query.archived) return false;
  const inChat = query.available_in_chat_assistant;
  if (inChat !== undefined && (w?.availableInChatAssistant ?? false) !== inChat) return false;
  const search = query.workflow_search;
  if (search === undefined) return true;
  const texts = [r.workflow, w?.displayName ?? null, w?.description ?? null];
  return matchesSearch(search, texts) || isIdPrefix(search, r.workflowId);
}

export async function getRegistration(
  context: RequestContext,
  id: string,
  o: { withWorkflow: boolean },
): Promise<ResponseOf<"getWorkflowRegistration"> | Refusal> {
  const { registry } = context.ports;
  const found = await registry.registration(context.workspace, id);
  if (!found) return notFound("registration", id);
  const deployments = await registry.deployments(context.workspace);
  const deployment = deployments.find((d) => d.name === found.deployment);
  const workflow = o.withWorkflow ? await registry.workflow(context.workspace, found.workflow) : null;
  const shown = workflow && workflowView(context, workflow, found.definition.is_technical);
  const active = (await activeDeployments(context.ports, context.workspace)).has(found.deployment);
  const view = { ...registrationView(found, deployment?.id ?? null, shown), active };
  return { workflow_registration: view, workflow_version: view };
}
