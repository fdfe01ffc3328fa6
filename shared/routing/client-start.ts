/** Routing of a client's start: it goes to a registration with a live worker now, or is refused. */
import type { Ports, RegistrationRecord } from "../ports.ts";
import { invalidAt, noActiveDeployment, type Refusal } from "../protocol/errors.ts";
import { route, type Wanted } from "./route.ts";

/** `identifier`: name or id of the workflow. */
export async function routeToWorkflow(
  ports: Ports,
  workspace: string,
  identifier: string,
  deployment: string | undefined,
  execution?: string,
): Promise<RegistrationRecord | Refusal> {
  // A name is that of its registrations, which are read anyway. Only an id needs the workflow.
  if (!/^[0-9a-f-]{36}$/i.test(identifier)) {
    return registrationOrRefusal(ports, workspace, { workflow: identifier, deployment, execution });
  }
  const workflow = await ports.registry.workflow(workspace, identifier);
  if (!workflow) return noActiveDeployment(identifier, []);
  return registrationOrRefusal(ports, workspace, { workflow: workflow.name, deployment, execution });
}

/** A registration named by its id; a deployment named besides must be that of the registration. */
export function routeToRegistration(
  ports: Ports,
  workspace: string,
  id: string,
  deployment: string | undefined,
): Promise<RegistrationRecord | Refusal> {
  return registrationOrRefusal(ports, workspace, { registration: id, deployment });
}

async function registrationOrRefusal(
  ports: Ports,
  workspace: string,
  wanted: Wanted,
): Promise<RegistrationRecord | Refusal> {
  const found = await route(ports, workspace, wanted);
  return found.kind === "found" ? found.registration : found.refusal;
}

/** The deployment that a body names; `olderField` is an older name of `deployment_name`: if both are given they must agree. */
export function deploymentWanted<OlderField extends string>(
  body: { readonly [K in OlderField | "deployment_name"]?: string | null | undefined },
  olderField: OlderField,
): string | undefined | Refusal {
  const { deployment_name: name, [olderField]: older } = body;
  if (name && older && name !== older) {
    const msg = `it names '${older}', but deployment_name names '${name}': send only one of the two`;
    return invalidAt(["body", olderField], msg);
  }
  return name || older || undefined;
}
