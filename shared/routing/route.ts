/**
 * The deployment of a start, by a client or by a schedule. If the caller names one: that one, if it serves the workflow.
 * Otherwise the workflow's current deployment (CURRENT-1). If it has none: the active deployment that serves it; several are
 * ambiguous. Where the caller names a deployment whose workflow is pinned, the current version of it (PINNED-4).
 */
import { lazy } from "../lib/lazy.ts";
import type { Ports, RegistrationRecord, Serving } from "../ports.ts";
import { ambiguous, noActiveDeployment, notFound, type Refusal, refusal } from "../protocol/errors.ts";
import { activeDeployments } from "./liveness.ts";

/** Its code is loaded at the first workflow that has a current deployment. */
const currentRouting = lazy(() => import("./current.ts"));

export interface Wanted {
  /** Name of the workflow; not needed where `registration` is given. */
  readonly workflow?: string;
  /** Id of the registration; absent or null: any that serves the workflow. */
  readonly registration?: string | null | undefined;
  readonly deployment?: string | null | undefined;
  /** The current deployment, where there is one, comes before `deployment`. */
  readonly followsCurrent?: boolean | undefined;
  /** `deployment` itself, not its current version (PINNED-4). */
  readonly exact?: boolean;
  /** Id of the execution, by which a ramp decides (CURRENT-2). */
  readonly execution?: string | undefined;
}

export type Route =
  | { readonly kind: "found"; readonly registration: RegistrationRecord }
  /** No worker of these registrations is live. A later call may find one. */
  | {
      readonly kind: "no_live_worker";
      readonly registrations: readonly RegistrationRecord[];
      readonly refusal: Refusal;
      /** They are of the workflow's current deployment, whose name this is. */
      readonly current?: string;
    }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export async function route(ports: Ports, workspace: string, wanted: Wanted): Promise<Route> {
  const { registration: id, deployment } = wanted;
  const { registrations: known, current } = await registrationsOf(ports, workspace, wanted);
  const workflow = known[0]?.workflow ?? wanted.workflow ?? "";
  if (known.length === 0) {
    return { kind: "refused", refusal: id == null ? noActiveDeployment(workflow, []) : notFound("registration", id) };
  }
  if (current && (deployment == null || wanted.followsCurrent)) {
    return (await currentRouting()).routeToCurrent(
      ports,
      workspace,
      { registrations: known, current },
      wanted.execution,
    );
  }
  const eligible = deployment == null ? known : known.filter((each) => each.deployment === deployment);
  if (eligible.length === 0 && id != null) {
    const detail = `Registration '${id}' belongs to deployment '${known[0]!.deployment}', not to '${deployment}'.`;
    return { kind: "refused", refusal: refusal(404, "WF_1100", detail) };
  }
  if (eligible.length === 0) {
    return { kind: "refused", refusal: await notServed(ports, workspace, workflow, deployment!, known) };
  }
  if (current && deployment != null && !wanted.exact && eligible[0]?.definition.versioning) {
    const { isVersionOf, routeToCurrent } = await currentRouting();
    if (await isVersionOf(ports, workspace, current.deployment, deployment)) {
      return routeToCurrent(ports, workspace, { registrations: known, current }, wanted.execution);
    }
  }
  const active = await activeAmong(ports, workspace, eligible);
  if (active.length > 1) return { kind: "refused", refusal: ambiguous(workflow, names(active)) };
  const [registration] = active;
  if (registration) return { kind: "found", registration };
  return { kind: "no_live_worker", registrations: eligible, refusal: noActiveDeployment(workflow, names(eligible)) };
}

async function registrationsOf(ports: Ports, workspace: string, wanted: Wanted): Promise<Serving> {
  const { workflow = "", registration: id } = wanted;
  if (id == null) return ports.registry.serving(workspace, workflow);
  const found = await ports.registry.registration(workspace, id);
  return { registrations: found ? [found] : [], current: null };
}

/** The registrations whose deployment has a live worker. */
async function activeAmong(ports: Ports, workspace: string, registrations: readonly RegistrationRecord[]) {
  const active = await activeDeployments(ports, workspace, names(registrations));
  return registrations.filter(({ deployment }) => active.has(deployment));
}

/** The caller names a deployment that does not serve the workflow. */
async function notServed(
  ports: Ports,
  workspace: string,
  workflow: string,
  deployment: string,
  known: readonly RegistrationRecord[],
): Promise<Refusal> {
  const served = `Workflow '${workflow}' is registered by ${names(known)
    .map((name) => `'${name}'`)
    .join(", ")}.`;
  const all = await ports.registry.deployments(workspace);
  if (!all.some(({ name }) => name === deployment)) return notFound("deployment", deployment, served);
  return refusal(404, "WF_1100", `Deployment '${deployment}' does not register workflow '${workflow}'. ${served}`);
}

const names = (of: readonly RegistrationRecord[]): string[] => of.map(({ deployment }) => deployment).sort();
