/** Which deployment a client's execute goes to: one with a live worker, or it is refused. */
import type { RegistrationRecord } from "../ports.ts";
import { invalidAt, noActiveDeployment, type Refusal } from "../protocol/errors.ts";
import { route as find, type Wanted } from "../routing/route.ts";
import type { RequestContext } from "./request-context.ts";

/** `identifier`: the workflow's name or id. */
export async function route(
  context: RequestContext,
  identifier: string,
  deployment: string | undefined,
): Promise<RegistrationRecord | Refusal> {
  const workflow = await context.ports.registry.workflow(context.workspace, identifier);
  if (!workflow) return noActiveDeployment(identifier, []);
  return registrationFor(context, { workflow: workflow.name, deployment });
}

/** The deployment of a registration that the caller named by id, which must be the one named besides. */
export function routeToRegistration(
  context: RequestContext,
  id: string,
  deployment: string | undefined,
): Promise<RegistrationRecord | Refusal> {
  return registrationFor(context, { registration: id, deployment });
}

async function registrationFor(context: RequestContext, wanted: Wanted): Promise<RegistrationRecord | Refusal> {
  const found = await find(context.ports, context.workspace, wanted);
  return found.kind === "found" ? found.registration : found.refusal;
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
