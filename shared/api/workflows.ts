/** Workflows that have been registered, with or without a live worker. */
import type { RegistrationRecord, WorkflowRecord } from "../ports.ts";
import { isRefusal, notFound, type Refusal } from "../protocol/errors.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { ExecutionStatus } from "../protocol/status.ts";
import { activeDeployments } from "../routing/liveness.ts";
import { pageOf } from "./page.ts";
import type { RequestContext } from "./request-context.ts";
import { isIdPrefix, matchesSearch } from "./search.ts";
import { workflowView } from "./workflow-view.ts";

type Query = QueryOf<"getWorkflows">;

/** `include_shared` has no effect: workspaces share no workflows here. */
export async function listWorkflows(
  context: RequestContext,
  query: Query,
): Promise<ResponseOf<"getWorkflows"> | Refusal> {
  const { registry } = context.ports;
  const [workflows, registrations, active] = await Promise.all([
    registry.workflows(context.workspace),
    registry.registrations(context.workspace),
    activeDeployments(context.ports, context.workspace),
  ]);
  const byWorkflow = Map.groupBy(registrations, (r) => r.workflow);
  let rows = workflows.filter((w) => matches(query, w, byWorkflow.get(w.name) ?? [], active));
  if (query.status?.length) rows = await withRuns(context, rows, query.status);
  const byName = query.sort_by === "display_name";
  const page = pageOf({
    rows,
    placeOf: (w) => (byName ? [w.displayName, w.id] : [w.name, w.id]),
    order: query.order,
    limit: query.limit,
    query,
    cursor: query.cursor,
  });
  if (isRefusal(page)) return page;
  return {
    workflows: page.rows.map((w) => ({
      id: w.id,
      name: w.name,
      display_name: w.displayName,
      description: w.description,
      archived: w.archived,
      metadata: { shared_namespace: null },
      tags: [...w.tags],
    })),
    next_cursor: page.next,
  };
}

function matches(
  query: Query,
  w: WorkflowRecord,
  registrations: readonly RegistrationRecord[],
  active: ReadonlySet<string>,
): boolean {
  const of = query.deployment_name?.length
    ? registrations.filter((r) => query.deployment_name?.includes(r.deployment))
    : registrations;
  if (query.deployment_name?.length && of.length === 0) return false;
  const isActive = of.some((r) => active.has(r.deployment));
  if (query.active_only && !isActive) return false;
  if (query.deployment_status !== undefined && (query.deployment_status === "active") !== isActive) return false;
  if (query.archived !== undefined && w.archived !== query.archived) return false;
  const inChat = query.available_in_chat_assistant;
  if (inChat !== undefined && w.availableInChatAssistant !== inChat) return false;
  if (!(query.tags ?? []).every((tag) => w.tags.includes(tag))) return false;
  const { search } = query;
  if (search === undefined) return true;
  return matchesSearch(search, [w.name, w.displayName, w.description]) || isIdPrefix(search, w.id);
}

/** The workflows that have a run of one of these statuses. */
async function withRuns(
  context: RequestContext,
  workflows: WorkflowRecord[],
  wanted: readonly string[],
): Promise<WorkflowRecord[]> {
  const statuses = wanted.flatMap((status) => ExecutionStatus.safeParse(status).data ?? []);
  if (statuses.length === 0) return [];
  const kept: WorkflowRecord[] = [];
  for (const w of workflows) {
    const q = { workspace: context.workspace, workflows: [w.name], statuses, limit: 1 } as const;
    const { runs } = await context.ports.executions.runs({ ...q, sortBy: "start_time", order: "desc" });
    if (runs.length > 0) kept.push(w);
  }
  return kept;
}

/** `active`: a deployment that serves it has a live worker. */
export async function getWorkflow(
  context: RequestContext,
  identifier: string,
): Promise<ResponseOf<"getWorkflow"> | Refusal> {
  const { registry } = context.ports;
  const workflow = await registry.workflow(context.workspace, identifier);
  if (!workflow) return notFound("workflow", identifier);
  const registrations = await registry.registrations(context.workspace, { workflow: workflow.name });
  const live = await activeDeployments(context.ports, context.workspace);
  const active = registrations.some((r) => live.has(r.deployment));
  const technical = registrations.some((r) => r.definition.is_technical);
  return { workflow: { ...workflowView(context, workflow, technical), active } };
}
