/**
 * An operator's changes to workflows: title, description, tags, archiving. A registration changes none of them: a worker that
 * restarts with its old title does not undo the operator's. Archiving hides a workflow from lists that ask for
 * `archived=false`. Its executions, schedules and starts go on.
 */
import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import type { WorkflowChange, WorkflowRecord } from "../ports.ts";
import { invalidAt, isRefusal, notFound, type Refusal, textOfRefusal } from "../protocol/errors.ts";
import type { Workflow } from "../protocol/http/workflows.ts";
import { MAX_TAGS } from "../protocol/limits.ts";
import type { BodyOf, ResponseOf } from "../protocol/routes.ts";
import type { RequestContext } from "./request-context.ts";
import { workflowView } from "./workflow-view.ts";

const CONCURRENCY = 10;
const MOST_TRIES = 20;

export async function updateWorkflow(
  context: RequestContext,
  identifier: string,
  body: BodyOf<"updateWorkflow">,
): Promise<{ workflow: Workflow } | Refusal> {
  const { display_name, description, tags, available_in_chat_assistant: inChat } = body;
  return changed(context, identifier, {
    ...(display_name !== undefined && { displayName: display_name }),
    ...(description !== undefined && { description }),
    ...(tags !== undefined && { tags: tags ?? [] }),
    ...(inChat !== undefined && { availableInChatAssistant: inChat ?? false }),
  });
}

export async function addTags(
  context: RequestContext,
  identifier: string,
  tags: readonly string[],
): Promise<undefined | Refusal> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const found = await find(context, identifier);
    if (isRefusal(found)) return found;
    const all = [...new Set([...found.tags, ...tags])];
    if (all.length > MAX_TAGS) {
      return invalidAt(
        ["body", "tags"],
        `the workflow would have more than ${MAX_TAGS} tags: remove some first`,
        "too_long",
      );
    }
    // Others may add some meanwhile.
    const done = await changed(context, found.name, { tags: all, seenTags: found.tags });
    if (!isRefusal(done)) return undefined;
  }
  throw new Error(`the tags of workflow '${identifier}' changed at each of ${MOST_TRIES} tries to add some`);
}

/** Archiving an archived workflow changes nothing and succeeds. */
export const setArchived = (context: RequestContext, identifier: string, archived: boolean) =>
  changed(context, identifier, { archived });

export async function archiveMany(
  context: RequestContext,
  ids: readonly string[],
): Promise<ResponseOf<"bulkArchiveWorkflows">> {
  const { done, errored } = await many(context, ids, true);
  return { archived: done, errored };
}

export async function unarchiveMany(
  context: RequestContext,
  ids: readonly string[],
): Promise<ResponseOf<"bulkUnarchiveWorkflows">> {
  const { done, errored } = await many(context, ids, false);
  return { unarchived: done, errored };
}

/** In the order of the ids; one that is named twice counts once. */
async function many(context: RequestContext, ids: readonly string[], archived: boolean) {
  const outcomes = new Map<string, { workflow: Workflow } | Refusal | null>(ids.map((id) => [id, null]));
  await forEachConcurrent(CONCURRENCY, outcomes.keys(), async (id) => {
    outcomes.set(id, await setArchived(context, id, archived));
  });
  const done: Workflow[] = [];
  const errored: { workflow_id: string; message: string; workflow: null }[] = [];
  for (const [workflow_id, outcome] of outcomes) {
    if (outcome === null) continue;
    if (isRefusal(outcome)) errored.push({ workflow_id, message: textOfRefusal(outcome), workflow: null });
    else done.push(outcome.workflow);
  }
  return { done, errored };
}

async function find(context: RequestContext, identifier: string): Promise<WorkflowRecord | Refusal> {
  return (await context.ports.registry.workflow(context.workspace, identifier)) ?? notFound("workflow", identifier);
}

async function changed(
  context: RequestContext,
  identifier: string,
  change: WorkflowChange,
): Promise<{ workflow: Workflow } | Refusal> {
  const { registry } = context.ports;
  const found = await find(context, identifier);
  if (isRefusal(found)) return found;
  const workflow = await registry.changeWorkflow(context.workspace, found.name, change);
  if (!workflow) return notFound("workflow", identifier);
  const registrations = await registry.registrations(context.workspace, { workflow: workflow.name });
  context.log.info("workflow changed", { workflow: workflow.name, by: context.user, fields: Object.keys(change) });
  const technical = registrations.some((r) => r.definition.is_technical);
  return { workflow: workflowView(context, workflow, technical) };
}
