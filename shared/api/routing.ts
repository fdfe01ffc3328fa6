/**
 * Which deployment an execution goes to. One active owner: that one. Several: 409 with their names. Named by the
 * caller: that one, if it serves the workflow and one of its workers lives. None: 404 with the reason.
 */
import type { RegistrationRecord, WorkflowRecord } from "../ports.ts";
import { ambiguous, invalidAt, noActiveDeployment, notFound, type Refusal, refusal } from "../protocol/errors.ts";
import type { Call } from "./call.ts";
import { activeDeployments } from "./liveness.ts";

/** `identifier`: the workflow's name or id. */
export async function route(
  call: Call,
  identifier: string,
  deployment: string | undefined,
): Promise<RegistrationRecord | Refusal> {
  const { ports, workspace } = call;
  const workflow = await ports.registry.workflow(workspace, identifier);
  if (!workflow) return noActiveDeployment(identifier, []);
  const registrations = await ports.registry.registrations(workspace, { workflow: workflow.name });
  const active = await activeDeployments(ports, workspace);
  if (deployment !== undefined) return routeTo(call, workflow, registrations, active, deployment);
  const owners = registrations.filter((r) => active.has(r.deployment));
  if (owners.length === 1) return owners[0]!;
  const names = (of: readonly RegistrationRecord[]) => of.map((r) => r.deployment).sort();
  return owners.length > 1
    ? ambiguous(workflow.name, names(owners))
    : noActiveDeployment(workflow.name, names(registrations));
}

async function routeTo(
  call: Call,
  workflow: WorkflowRecord,
  registrations: readonly RegistrationRecord[],
  active: ReadonlySet<string>,
  deployment: string,
): Promise<RegistrationRecord | Refusal> {
  const named = registrations.find((r) => r.deployment === deployment);
  if (named) {
    return active.has(deployment) ? named : noActiveDeployment(workflow.name, [deployment]);
  }
  const others = registrations.map((r) => `'${r.deployment}'`).sort();
  const served = others.length > 0 ? `It is registered by ${others.join(", ")}.` : "No deployment registers it.";
  const all = await call.ports.registry.deployments(call.workspace);
  if (!all.some((d) => d.name === deployment)) return notFound("deployment", deployment, served);
  return refusal(404, "WF_1100", `Deployment '${deployment}' does not register workflow '${workflow.name}'. ${served}`);
}

/** The deployment of a registration that the caller named by id. */
export async function routeToRegistration(call: Call, id: string): Promise<RegistrationRecord | Refusal> {
  const registration = await call.ports.registry.registration(call.workspace, id);
  if (!registration) return notFound("registration", id);
  const active = await activeDeployments(call.ports, call.workspace);
  return active.has(registration.deployment)
    ? registration
    : noActiveDeployment(registration.workflow, [registration.deployment]);
}

/** `task_queue` is an older name of `deployment_name`; when both are given they must agree. */
export function deploymentWanted(body: {
  deployment_name?: string | null;
  task_queue?: string | null;
}): string | undefined | Refusal {
  const { deployment_name: name, task_queue: queue } = body;
  if (name && queue && name !== queue) {
    return invalidAt(
      ["body", "task_queue"],
      `it names '${queue}', deployment_name names '${name}': leave one of them out`,
    );
  }
  return name || queue || undefined;
}
