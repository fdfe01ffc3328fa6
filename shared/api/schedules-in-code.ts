/**
 * Schedules that a workflow's code declares: deprecated, because a change of them needs a restart of every worker, and
 * workers with different code disagree. So the first registration creates each under an id of its own, made from workflow,
 * deployment and position; every later one finds it there and leaves it alone, whatever has become of it since.
 */
import { hash } from "node:crypto";
import type { DetailItem } from "../protocol/http/detail.ts";
import { zodToDetail } from "../protocol/http/detail.ts";
import { ScheduleDefinition } from "../protocol/http/schedules.ts";
import { MAX_SCHEDULE_ID } from "../protocol/limits.ts";
import type { WorkflowDefinition } from "../protocol/worker.ts";
import { inputProblems } from "../routing/schema-check.ts";
import { validateSpec } from "../schedule/rules/index.ts";
import { create } from "../schedule/service/index.ts";
import type { RequestContext } from "./request-context.ts";
import { definitionOf } from "./schedule-view.ts";

/** What is wrong with the schedules of a definition; they are registered all or not at all. */
export function inCodeProblems(d: WorkflowDefinition, loc: readonly (string | number)[]): DetailItem[] {
  return d.schedules.flatMap((given, i): DetailItem[] => {
    const at = [...loc, "schedules", i];
    const shape = ScheduleDefinition.safeParse(given, { reportInput: true });
    if (!shape.success) {
      return zodToDetail(shape.error, "body").map((item) => ({ ...item, loc: [...at, ...item.loc.slice(1)] }));
    }
    const validated = validateSpec(definitionOf(shape.data));
    const issues = "issues" in validated ? validated.issues : [];
    const unfit = inputProblems(d.input_schema, shape.data.input);
    return [
      ...issues.map(({ loc: within, msg, type }) => ({ loc: [...at, ...within], msg, type })),
      ...unfit.map((item) => ({ ...item, loc: [...at, ...item.loc.slice(1)] })),
    ];
  });
}

/** Creates what is not there yet; answers what to tell the worker. Call it with definitions that have no problems. */
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
  const parsed = ScheduleDefinition.parse(given);
  const schedule_id = parsed.schedule_id ?? idOf(workflow, deployment, i + 1);
  const definition = definitionOf(parsed);
  const created = await create(ports, workspace, {
    schedule_id,
    workflow_name: workflow,
    deployment_name: deployment,
    created_by: context.user,
    definition,
  });
  const told = `Workflow '${workflow}' brings schedules in its code, which is deprecated.`;
  const migrate = `Remove it from the code and keep it with: sirocco schedule update ${schedule_id} ...`;
  if (created.kind === "created") {
    context.log.info("schedule created from code", { schedule: schedule_id, workflow, deployment });
    return `${told} It now runs as schedule '${schedule_id}'. ${migrate}`;
  }
  const stored = (await ports.schedules.get({ workspace, schedule: schedule_id }))?.state;
  const validated = validateSpec(definition);
  const wanted = "definition" in validated ? validated.definition : null;
  const same = stored?.workflow_name === workflow && JSON.stringify(stored.definition) === JSON.stringify(wanted);
  if (same) return `${told} Schedule '${schedule_id}' exists. ${migrate}`;
  return `${told} Schedule '${schedule_id}' exists and differs from the one in the code; it is kept as it is. ${migrate}`;
}

/** The same for every worker of the deployment. */
function idOf(workflow: string, deployment: string, n: number): string {
  const id = `${workflow}-${deployment}-${n}`;
  if (id.length <= MAX_SCHEDULE_ID) return id;
  return `${workflow.slice(0, 60)}-${hash("sha256", `${workflow}/${deployment}`).slice(0, 16)}-${n}`;
}
