/** An operator names the current deployment of workflows, gives a part of the starts to another, and takes it back (CURRENT-1 to CURRENT-4). */
import type { CurrentDeployment, RegistrationRecord } from "../ports.ts";
import { isRefusal, notFound, type Refusal, refusal } from "../protocol/errors.ts";
import type { CurrentDeploymentResponse } from "../protocol/http/deployments.ts";
import { timestamp } from "../protocol/http/fields.ts";
import type { BodyOf, ResponseOf } from "../protocol/routes.ts";
import { activeDeployments } from "../routing/liveness.ts";
import { currentView } from "./current-view.ts";
import type { RequestContext } from "./request-context.ts";

type Change = (now: CurrentDeployment | null) => CurrentDeployment | null | Refusal;

/** Every workflow is checked before the first change. */
export async function promoteDeployment(
  context: RequestContext,
  deployment: string,
  body: BodyOf<"promoteDeployment">,
): Promise<ResponseOf<"promoteDeployment"> | Refusal> {
  const { ports, workspace } = context;
  const served = await servedBy(context, deployment, body.workflow_names);
  if (isRefusal(served)) return served;
  const active = await activeDeployments(ports, workspace, [deployment]);
  if (!active.has(deployment)) {
    const detail = `No worker of deployment '${deployment}' is live, so its workflows would have none to start on. Start one and promote it again.`;
    return refusal(409, "NOT_PROMOTED", detail);
  }
  const percent = body.ramp_percent ?? 100;
  const changes = served.map(({ workflow }) => ({
    workflow,
    change: promotion(context, workflow, deployment, percent),
  }));
  const currents = new Map((await ports.registry.currents(workspace)).map((each) => [each.workflow, each]));
  for (const { workflow, change } of changes) {
    const checked = change(currents.get(workflow) ?? null);
    if (isRefusal(checked)) return checked;
  }
  const shown: CurrentDeploymentResponse[] = [];
  for (const { workflow, change } of changes) {
    const changed = await apply(context, workflow, change);
    if (isRefusal(changed)) return changed;
    if (changed) shown.push(currentView(changed));
  }
  context.log.info("deployment promoted", { deployment, percent, by: context.user, workflows: shown.length });
  return { deployment_name: deployment, workflows: shown };
}

/** Ends the ramps to the deployment; where it is the current one, the one before it becomes current again. */
export async function rollBackDeployment(
  context: RequestContext,
  deployment: string,
  body: BodyOf<"rollBackDeployment">,
): Promise<ResponseOf<"rollBackDeployment"> | Refusal> {
  const { ports, workspace } = context;
  const named = body.workflow_names;
  const all = (await ports.registry.currents(workspace)).filter((each) => isAbout(each, deployment));
  const unknown = named?.find((name) => !all.some(({ workflow }) => workflow === name));
  if (unknown !== undefined || all.length === 0) {
    const which = unknown === undefined ? "any workflow" : `workflow '${unknown}'`;
    const detail = `Deployment '${deployment}' is not the current deployment of ${which}, and no ramp leads to it: there is nothing to roll back.`;
    return refusal(409, "NOT_PROMOTED", detail);
  }
  const shown: CurrentDeploymentResponse[] = [];
  for (const { workflow } of all.filter((each) => !named || named.includes(each.workflow))) {
    const changed = await apply(context, workflow, (now) => rolledBack(context, now, deployment));
    if (isRefusal(changed)) return changed;
    shown.push(changed ? currentView(changed) : none(context, workflow));
  }
  context.log.info("deployment rolled back", { deployment, by: context.user, workflows: shown.length });
  return { deployment_name: deployment, workflows: shown };
}

const isAbout = ({ deployment: current, ramp }: CurrentDeployment, deployment: string): boolean =>
  current === deployment || ramp?.deployment === deployment;

async function servedBy(
  context: RequestContext,
  deployment: string,
  wanted: readonly string[] | undefined,
): Promise<RegistrationRecord[] | Refusal> {
  const { ports, workspace } = context;
  const known = await ports.registry.registrations(workspace, { deployment });
  if (known.length === 0)
    return notFound("deployment", deployment, "It is known once a worker has registered workflows.");
  const missing = wanted?.find((name) => !known.some(({ workflow }) => workflow === name));
  if (missing !== undefined) {
    const detail = `Deployment '${deployment}' does not register workflow '${missing}'. It registers ${known.map(({ workflow }) => `'${workflow}'`).join(", ")}.`;
    return refusal(404, "WF_1100", detail);
  }
  return wanted ? known.filter(({ workflow }) => wanted.includes(workflow)) : known;
}

/** The stored value as it is afterwards; null: the workflow has no current deployment. */
async function apply(context: RequestContext, workflow: string, change: Change) {
  const { registry } = context.ports;
  for (;;) {
    const now = await registry.current(context.workspace, workflow);
    const next = change(now);
    if (isRefusal(next) || next === now) return next;
    const done = next
      ? await registry.setCurrent(context.workspace, next)
      : await registry.clearCurrent(context.workspace, now!);
    if (done) return next;
  }
}

function promotion(context: RequestContext, workflow: string, deployment: string, percent: number): Change {
  const by = { changedAt: context.ports.clock.now(), changedBy: context.user };
  return (now) => {
    if (percent < 100) {
      if (now === null || now.deployment === deployment) {
        const why =
          now === null
            ? "has no current deployment yet: promote the one that serves it now, then ramp to the other"
            : `has '${deployment}' as its current deployment, so no part of the starts can go to it besides`;
        return refusal(409, "NOT_PROMOTED", `Workflow '${workflow}' ${why}.`);
      }
      return { ...now, ...by, version: now.version + 1, ramp: { deployment, percent } };
    }
    if (now?.deployment === deployment && now.ramp === null) return now;
    const previous = now && now.deployment !== deployment ? now.deployment : (now?.previous ?? null);
    return { ...by, workflow, version: (now?.version ?? 0) + 1, deployment, previous, ramp: null };
  };
}

function rolledBack(context: RequestContext, now: CurrentDeployment | null, deployment: string) {
  if (now === null || !isAbout(now, deployment)) return now; // another call was faster
  const by = { changedAt: context.ports.clock.now(), changedBy: context.user, version: now.version + 1 };
  if (now.ramp !== null) return { ...now, ...by, ramp: null };
  return now.previous === null ? null : { ...now, ...by, deployment: now.previous, previous: null };
}

const none = (context: RequestContext, workflow: string): CurrentDeploymentResponse => ({
  workflow_name: workflow,
  current_deployment: null,
  previous_deployment: null,
  ramp: null,
  changed_at: timestamp(context.ports.clock.now()),
  changed_by: context.user,
});
