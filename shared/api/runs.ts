/** Runs of the workspace, open and closed. */
import { BadToken, type RunsQuery } from "../ports.ts";
import { invalidAt, isRefusal, notFound, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import type { WorkflowExecutionResponse } from "../protocol/http/executions.ts";
import type { QueryOf, ResponseOf } from "../protocol/routes.ts";
import { ExecutionStatus, type PublicStatus } from "../protocol/status.ts";
import { withoutResult, withResult } from "./execution-view.ts";
import { workflowIdOf } from "./executions.ts";
import { isText, readToken, writeToken } from "./page.ts";
import type { RequestContext } from "./request-context.ts";
import { isIdPrefix } from "./search.ts";

type Query = QueryOf<"listRuns">;
type Answer = ResponseOf<"listRuns">;

export async function listRuns(context: RequestContext, query: Query): Promise<Answer | Refusal> {
  const { ports, workspace } = context;
  const place = readToken(query, "next_page_token", query.next_page_token, [isText]);
  if (isRefusal(place)) return place;
  const workflows = await ports.registry.workflows(workspace);
  const wanted = await filterOf(context, query, workflows);
  if (wanted === null) return { executions: [], next_page_token: null };
  const ids = new Map(workflows.map((w) => [w.name, w.id]));
  try {
    const token = place === undefined ? {} : { token: String(place[0]) };
    const page = await ports.executions.runs({ ...wanted, ...token, signal: context.signal });
    return {
      executions: page.runs.map((head) => withoutResult(head, ids.get(head.workflow) ?? null)),
      next_page_token: page.next === null ? null : writeToken(query, [page.next]),
    };
  } catch (error) {
    if (error instanceof BadToken) return invalidAt(["query", "next_page_token"], error.message);
    throw error;
  }
}

/** Null: no run can match. */
export async function filterOf(
  context: RequestContext,
  query: Query,
  workflows: Awaited<ReturnType<RequestContext["ports"]["registry"]["workflows"]>>,
): Promise<RunsQuery | null> {
  let names: string[] | undefined;
  if (query.workflow_identifier !== undefined) {
    const known = workflows.find((w) => w.name === query.workflow_identifier || w.id === query.workflow_identifier);
    names = [known?.name ?? query.workflow_identifier]; // runs may outlive their workflow's registration
  }
  const tags = query.workflow_tags ?? [];
  if (tags.length > 0) {
    const tagged = workflows.filter((w) => tags.every((tag) => w.tags.includes(tag))).map((w) => w.name);
    names = names === undefined ? tagged : names.filter((name) => tagged.includes(name));
  }
  const statuses = query.status?.filter(isRecorded);
  if (names?.length === 0 || (statuses?.length === 0 && (query.status?.length ?? 0) > 0)) return null;
  const search = query.search?.trim();
  // No id, name or title has one, and SQLite ends the pattern of a LIKE at the first NUL.
  if (search && /\p{Cc}/u.test(search)) return null;
  return {
    workspace: context.workspace,
    sortBy: query.sort_by,
    order: query.order,
    limit: query.page_size,
    ...(names && { workflows: names }),
    ...(query.root_execution_id !== undefined && { root: query.root_execution_id }),
    ...(search && {
      search,
      workflowsBySearch: workflows
        .filter((w) => w.displayName.toLowerCase().includes(search.toLowerCase()) || isIdPrefix(search, w.id))
        .map((w) => w.name),
    }),
    ...(statuses?.length && { statuses }),
    ...(query.deployment_name !== undefined && { deployment: query.deployment_name }),
    ...(query.user_id !== undefined && { user: query.user_id === "current" ? context.user : query.user_id }),
    ...(query.start_time_after !== undefined && { startedAfter: query.start_time_after }),
    ...(query.start_time_before !== undefined && { startedBefore: query.start_time_before }),
    ...(query.end_time_after !== undefined && { closedAfter: query.end_time_after }),
    ...(query.end_time_before !== undefined && { closedBefore: query.end_time_before }),
    ...(query.search_key?.length && { searchKeys: query.search_key }),
    ...(!query.include_internal && { without: await technicalWorkflows(context) }),
  };
}

/** False for RETRYING_AFTER_ERROR: the official API has that status, but no run here ever does. */
function isRecorded(status: PublicStatus): status is Head["status"] {
  return ExecutionStatus.safeParse(status).success;
}

async function technicalWorkflows(context: RequestContext): Promise<string[]> {
  const registrations = await context.ports.registry.registrations(context.workspace);
  return [...new Set(registrations.filter((r) => r.definition.is_technical).map((r) => r.workflow))];
}

export async function getRun(context: RequestContext, run: string): Promise<WorkflowExecutionResponse | Refusal> {
  const head = await context.ports.executions.run(context.workspace, run);
  if (!head) return notFound("run", run);
  return withResult(head, await workflowIdOf(context, head.workflow), {
    searchKeys: true,
    now: context.ports.clock.now(),
  });
}
