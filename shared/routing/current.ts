/**
 * The current deployment of a workflow: an operator names it, so that several active deployments may serve the workflow.
 *
 * CURRENT-1. Starts that name no deployment go to it, those of schedules included that name none, and so do the next runs of
 *     executions that continue as new. A run never changes its deployment, and neither does an execution whose start named one.
 * CURRENT-2. A ramp gives a part of the executions to another deployment. The id of the execution decides, always in the same
 *     way: a higher percentage takes further executions along and sends none back.
 * CURRENT-3. A start waits for no worker: it is refused if none of the chosen deployment is live. The deployment of a ramp
 *     counts only while it is live and registers the workflow, otherwise its part goes to the current one. A run that
 *     continues as new cannot be refused: it stays where it is unless the other deployment is live.
 * CURRENT-4. Each change is one conditional write (compare and set of the version): of two changes at once, the later one
 *     decides on what the earlier one has left.
 */
import type { CurrentDeployment, Ports, RegistrationRecord, Serving } from "../ports.ts";
import { type Refusal, refusal } from "../protocol/errors.ts";
import { hash32 } from "../protocol/hash32.ts";
import type { Head } from "../protocol/head.ts";
import { activeDeployments } from "./liveness.ts";

/** Whether the ramp takes this execution (CURRENT-2). */
export const isRamped = (workflow: string, execution: string, percent: number): boolean =>
  (hash32(`${workflow}/${execution}`, 0) / 2 ** 32) * 100 < percent;

/** The deployments to which a start may go, the first live one that registers the workflow first (CURRENT-3). */
function choices(current: CurrentDeployment, execution: string | undefined): string[] {
  const { deployment, ramp, workflow } = current;
  const ramped = ramp !== null && execution !== undefined && isRamped(workflow, execution, ramp.percent);
  return ramped ? [ramp.deployment, deployment] : [deployment];
}

/** Null: no worker of the current deployment is live, or it does not register the workflow. */
async function currentRegistration(
  ports: Ports,
  workspace: string,
  { registrations, current }: Serving & { current: CurrentDeployment },
  execution: string | undefined,
): Promise<RegistrationRecord | null> {
  const wanted = choices(current, execution);
  const active = await activeDeployments(ports, workspace, wanted);
  for (const name of wanted) {
    const found = registrations.find(({ deployment }) => deployment === name);
    if (found && active.has(name)) return found;
  }
  return null;
}

/** Whether the deployment is a version of the one called `of` (PINNED-2). */
export async function isVersionOf(ports: Ports, workspace: string, deployment: string, of: string): Promise<boolean> {
  return deployment !== of && (await ports.registry.deployment(workspace, deployment))?.version?.of === of;
}

export type CurrentRoute =
  | { readonly kind: "found"; readonly registration: RegistrationRecord }
  | {
      readonly kind: "no_live_worker";
      readonly registrations: readonly RegistrationRecord[];
      readonly refusal: Refusal;
      readonly current: string;
    };

/** The route of a start that names no deployment. */
export async function routeToCurrent(
  ports: Ports,
  workspace: string,
  serving: Serving & { current: CurrentDeployment },
  execution: string | undefined,
): Promise<CurrentRoute> {
  const registration = await currentRegistration(ports, workspace, serving, execution);
  if (registration) return { kind: "found", registration };
  const { workflow, deployment: current } = serving.current;
  const registrations = serving.registrations.filter(({ deployment }) => deployment === current);
  const detail = `Workflow '${workflow}' cannot be executed: starts go to its current deployment '${current}', and no worker of '${current}' that has the workflow is running. Start one, promote another deployment, roll back, or name a deployment with deployment_name.`;
  return { kind: "no_live_worker", registrations, refusal: refusal(404, "WF_1100", detail), current };
}

/** Where the next run of an execution goes that continues as new; null: it stays. */
export async function nextRegistration(
  ports: Ports,
  head: Pick<Head, "workspace" | "execution" | "deployment" | "deployment_named">,
  workflow: string,
): Promise<RegistrationRecord | null> {
  if (head.deployment_named) return null;
  const { workspace, execution } = head;
  const current = await ports.registry.current(workspace, workflow);
  if (!current || choices(current, execution)[0] === head.deployment) return null;
  const { registrations } = await ports.registry.serving(workspace, workflow);
  const next = await currentRegistration(ports, workspace, { registrations, current }, execution);
  return next?.deployment === head.deployment ? null : next;
}
