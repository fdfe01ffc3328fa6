/**
 * The workflow and the deployment that a new schedule starts. A workflow, registration or deployment that does not exist is
 * refused here. A workflow without a live worker is accepted, because a worker may be there when a run is due.
 *
 * A schedule belongs to one deployment from its creation on. So a worker that another developer starts later for the same
 * workflow neither takes its runs nor makes them ambiguous. Where an operator has named a current deployment of the workflow,
 * the schedules that name none follow it (CURRENT-1).
 */
import type { RegistrationRecord } from "../ports.ts";
import {
  ambiguous,
  invalidAt,
  invalidSchedule,
  isRefusal,
  noActiveDeployment,
  notFound,
  type Refusal,
} from "../protocol/errors.ts";
import { isEncodedInput } from "../protocol/http/fields.ts";
import { deploymentWanted } from "../routing/client-start.ts";
import { inputProblems } from "../routing/input-problems.ts";
import { route } from "../routing/route.ts";
import { isObject } from "../schedule/rules/index.ts";
import { foreign } from "./foreign-deployment.ts";
import { inputOf, tooLarge } from "./payload.ts";
import type { RequestContext } from "./request-context.ts";

export interface ScheduleTarget {
  readonly workflow: string;
  /** Named by the caller; null: each start finds the workflow by its name. */
  readonly registrationId: string | null;
  /** Of the deployment that the caller named, or of the only one: the only active one, or if none is, the only one known. */
  readonly registration: RegistrationRecord;
  /** Neither a registration nor a deployment was named. */
  readonly followsCurrent: boolean;
}

interface Wanted {
  readonly workflow_identifier?: string | null | undefined;
  readonly workflow_registration_id?: string | null | undefined;
  readonly workflow_version_id?: string | null | undefined;
  readonly deployment_name?: string | null | undefined;
  readonly workflow_task_queue?: string | null | undefined;
}

export async function targetOfSchedule(context: RequestContext, wanted: Wanted): Promise<ScheduleTarget | Refusal> {
  const named = deploymentWanted(wanted, "workflow_task_queue");
  if (isRefusal(named)) return named;
  const deployment = named ?? null;
  const registrationId = wanted.workflow_registration_id ?? wanted.workflow_version_id;
  const target = await (registrationId != null
    ? byRegistration(context, registrationId, deployment)
    : byIdentifier(context, wanted.workflow_identifier ?? "", deployment));
  if (isRefusal(target)) return target;
  return (await foreign(context, target.registration.deployment)) ?? target;
}

/**
 * The deployment that a new schedule is stored with. One of a limited key follows no current deployment, so it is not stored
 * with a version, in which it would stay: its starts choose the version anew (PINNED-4).
 */
export async function lastingDeployment(context: RequestContext, deployment: string): Promise<string> {
  if (!context.deployments || context.deployments.includes(deployment)) return deployment;
  return (await context.ports.registry.deployment(context.workspace, deployment))?.version?.of ?? deployment;
}

async function byRegistration(
  context: RequestContext,
  id: string,
  deployment: string | null,
): Promise<ScheduleTarget | Refusal> {
  const registration = await context.ports.registry.registration(context.workspace, id);
  if (!registration) return notFound("registration", id);
  if (deployment !== null && deployment !== registration.deployment) {
    return invalidAt(
      ["body", "deployment_name"],
      `registration '${id}' belongs to deployment '${registration.deployment}', not to '${deployment}'`,
    );
  }
  return { workflow: registration.workflow, registrationId: id, registration, followsCurrent: false };
}

/** `identifier`: name or id of a workflow, or id of a registration. */
async function byIdentifier(
  context: RequestContext,
  identifier: string,
  deployment: string | null,
): Promise<ScheduleTarget | Refusal> {
  const { ports, workspace } = context;
  const workflow = await ports.registry.workflow(workspace, identifier);
  if (!workflow) {
    const registration = await ports.registry.registration(workspace, identifier);
    return registration ? byRegistration(context, identifier, deployment) : noActiveDeployment(identifier, []);
  }
  const found = await route(ports, workspace, { workflow: workflow.name, deployment, exact: true }); // each start chooses the version
  if (found.kind === "refused") return found.refusal;
  const target = { workflow: workflow.name, registrationId: null, followsCurrent: deployment === null };
  if (found.kind === "found") return { ...target, registration: found.registration };
  const [registration, ...others] = found.registrations;
  if (registration && others.length === 0) return { ...target, registration };
  return ambiguous(
    workflow.name,
    found.registrations.map((each) => each.deployment),
  );
}

/** The refusal of an input that is too large or does not fit the workflow's schema; null: it is accepted. */
export async function inputRefusal(
  registration: RegistrationRecord | undefined,
  input: unknown,
): Promise<Refusal | null> {
  const large = tooLarge("input of the schedule", input);
  if (large || !registration || isEncodedInput(input)) return large;
  const problems = await inputProblems(registration.definition.input_schema, input);
  if (problems.length === 0) return null;
  return invalidSchedule(problems.map((each) => ({ ...each, loc: ["body", "schedule", ...each.loc.slice(1)] })));
}

/**
 * The definition with its input decoded, as in `execute`: an input that is encoded without encodings is JSON in base64.
 * Anything that is no definition is returned as it is, for the rules to refuse.
 */
export function withDecodedInput(definition: unknown): { definition: unknown } | { refused: Refusal } {
  if (!isObject(definition) || !("input" in definition)) return { definition };
  const decoded = inputOf(definition.input, ["body", "schedule", "input"]);
  if ("value" in decoded) return { definition: { ...definition, input: decoded.value } };
  const { refused } = decoded;
  return { refused: refused.status === 422 ? invalidSchedule(refused.detail) : refused };
}
