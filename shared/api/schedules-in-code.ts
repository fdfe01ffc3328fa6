/**
 * Schedules that a workflow's code declares. They are deprecated: a change needs a restart of every worker, and workers
 * with different code disagree. The first registration creates each schedule under an id made from workflow, deployment
 * and position. Later registrations find it and do not touch it, even if it has been changed since.
 */
import { hash } from "node:crypto";
import { type Ports, type ScheduleKey, UnreadableSchedule } from "../ports.ts";
import type { DetailItem } from "../protocol/detail.ts";
import { isEncodedInput } from "../protocol/http/fields.ts";
import { MAX_SCHEDULE_ID } from "../protocol/limits.ts";
import type { WorkflowDefinition } from "../protocol/worker.ts";
import { inputProblems } from "../routing/schema-check.ts";
import { isObject, type ScheduleState, validateSpec } from "../schedule/rules/index.ts";
import { create } from "../schedule/service/index.ts";
import type { RequestContext } from "./request-context.ts";

/** Problems in the schedules of a definition. With any problem the definition is refused and none is created. */
export async function inCodeProblems(d: WorkflowDefinition, loc: readonly (string | number)[]): Promise<DetailItem[]> {
  const problems = d.schedules.map(async (given, i): Promise<DetailItem[]> => {
    const at = [...loc, "schedules", i];
    const validated = validateSpec(given);
    const issues = "issues" in validated ? validated.issues : [];
    const input = "issues" in validated ? null : validated.definition.input;
    const unfit = "issues" in validated || isEncodedInput(input) ? [] : await inputProblems(d.input_schema, input);
    return [
      ...issues.map(({ loc: within, msg, type }) => ({ loc: [...at, ...within], msg, type })),
      ...unfit.map((item) => ({ ...item, loc: [...at, ...item.loc.slice(1)] })),
    ];
  });
  return (await Promise.all(problems)).flat();
}

/** Creates the schedules that do not exist, and answers warnings for the worker. The definitions must have no problems. */
export async function registerInCode(
  context: RequestContext,
  deployment: string,
  definitions: readonly WorkflowDefinition[],
): Promise<string[]> {
  const warnings: string[] = [];
  for (const { name, schedules } of definitions) {
    for (const [i, given] of schedules.entries()) warnings.push(await registerOne(context, deployment, name, i, given));
  }
  return warnings;
}

async function registerOne(context: RequestContext, deployment: string, workflow: string, i: number, given: unknown) {
  const { ports, workspace } = context;
  const inner = isObject(given) ? given.schedule_id : undefined;
  const schedule_id = typeof inner === "string" ? inner : idOf(workflow, deployment, i + 1);
  const created = await create(ports, workspace, {
    schedule_id,
    workflow_name: workflow,
    deployment_name: deployment,
    created_by: context.user,
    definition: given,
  });
  const deprecated = `Workflow '${workflow}' declares schedules in its code, which is deprecated.`;
  const migrate = `Remove it from the code and change it with: sirocco schedule update ${schedule_id} ...`;
  if (created.kind === "created") {
    context.log.info("schedule created from code", { schedule: schedule_id, workflow, deployment });
    return `${deprecated} It now runs as schedule '${schedule_id}'. ${migrate}`;
  }
  const stored = await storedState(ports, { workspace, schedule: schedule_id });
  const validated = validateSpec(given);
  const wanted = "definition" in validated ? validated.definition : null;
  const same = stored?.workflow_name === workflow && comparable(stored.definition) === comparable(wanted);
  if (same) return `${deprecated} Schedule '${schedule_id}' exists. ${migrate}`;
  return `${deprecated} Schedule '${schedule_id}' exists, differs from the one in the code, and was not changed. ${migrate}`;
}

/** An input that a worker encrypts has other bytes each time: its hash stands for it. */
function comparable(definition: { readonly input: unknown } | null): string {
  const input = definition?.input;
  const hash = isEncodedInput(input) ? (input as { input_hash?: unknown }).input_hash : undefined;
  return JSON.stringify(hash === undefined ? definition : { ...definition, input: { input_hash: hash } });
}

/** Undefined: it was deleted meanwhile, or cannot be read. */
async function storedState(ports: Ports, key: ScheduleKey): Promise<ScheduleState | undefined> {
  try {
    return (await ports.schedules.get(key))?.state;
  } catch (error) {
    if (error instanceof UnreadableSchedule) return undefined;
    throw error;
  }
}

/** The id is the same for every worker of the deployment. */
function idOf(workflow: string, deployment: string, n: number): string {
  const id = `${workflow}-${deployment}-${n}`;
  if (id.length <= MAX_SCHEDULE_ID) return id;
  return `${workflow.slice(0, 60)}-${hash("sha256", `${workflow}/${deployment}`).slice(0, 16)}-${n}`;
}
