/**
 * Which deployment a scheduled start goes to: the rules of a client's execute, decided anew at every start. What may
 * change by itself (no worker is running) is "unavailable" and tried again for some minutes; the rest is "refused".
 */
import { isLive } from "../api/liveness.ts";
import { inputProblems } from "../api/schema-check.ts";
import type { Ports, RegistrationRecord } from "../ports.ts";
import { ambiguous, noActiveDeployment, notFound, type Refusal } from "../protocol/errors.ts";
import { isEncodedInput } from "../protocol/http/fields.ts";
import type { StartEffect } from "../schedule/index.ts";

export type Target =
  | { readonly kind: "registration"; readonly registration: RegistrationRecord }
  | { readonly kind: "refused" | "unavailable"; readonly reason: string };

export async function targetOf(ports: Ports, workspace: string, effect: StartEffect): Promise<Target> {
  const target = await chosen(ports, workspace, effect);
  if (target.kind !== "registration" || isEncodedInput(effect.input)) return target;
  const problems = inputProblems(target.registration.definition.input_schema, effect.input);
  if (problems.length === 0) return target;
  const told = problems.slice(0, 5).map(({ loc, msg }) => `${loc.slice(1).join(".")}: ${msg}`);
  const workflow = `'${target.registration.workflow}' of deployment '${target.registration.deployment}'`;
  return { kind: "refused", reason: `the input does not fit workflow ${workflow}: ${told.join("; ")}` };
}

async function chosen(ports: Ports, workspace: string, effect: StartEffect): Promise<Target> {
  const { workflow_name: workflow, workflow_registration_id: id, deployment_name: wanted } = effect;
  const known =
    id === null ? await ports.registry.registrations(workspace, { workflow }) : await byId(ports, workspace, id);
  if (id !== null && known.length === 0) return refused(notFound("registration", id));
  const names = (of: readonly RegistrationRecord[]) => of.map(({ deployment }) => deployment).sort();
  const eligible = wanted === null ? known : known.filter(({ deployment }) => deployment === wanted);
  if (eligible.length === 0) {
    if (wanted === null) return refused(noActiveDeployment(workflow, []));
    const others = names(known).map((name) => `'${name}'`);
    const served = others.length > 0 ? `it is registered by ${others.join(", ")}` : "no deployment registers it";
    return { kind: "refused", reason: `deployment '${wanted}' does not register workflow '${workflow}': ${served}` };
  }
  const active = await activeAmong(ports, workspace, eligible);
  if (active.length > 1) return refused(ambiguous(workflow, names(active)));
  const [registration] = active;
  if (registration) return { kind: "registration", registration };
  return { kind: "unavailable", reason: textOf(noActiveDeployment(workflow, names(eligible))) };
}

async function byId(ports: Ports, workspace: string, id: string): Promise<RegistrationRecord[]> {
  const found = await ports.registry.registration(workspace, id);
  return found ? [found] : [];
}

/** Those whose deployment has a live worker. */
async function activeAmong(ports: Ports, workspace: string, registrations: readonly RegistrationRecord[]) {
  const only = registrations.length === 1 ? registrations[0]!.deployment : undefined;
  const workers = await ports.registry.workers(workspace, only);
  const active = new Set(workers.filter((worker) => isLive(ports, worker)).map(({ deployment }) => deployment));
  return registrations.filter(({ deployment }) => active.has(deployment));
}

const textOf = ({ detail }: Refusal): string => (typeof detail === "string" ? detail : JSON.stringify(detail));
const refused = (refusal: Refusal): Target => ({ kind: "refused", reason: textOf(refusal) });
