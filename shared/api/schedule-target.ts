/**
 * What a new schedule starts. Typing errors are refused here: a workflow, registration or deployment that is not known.
 * That no worker runs just now is no reason: who serves the workflow is found anew at every start.
 */
import type { RegistrationRecord } from "../ports.ts";
import {
  invalidAt,
  invalidSchedule,
  isRefusal,
  noActiveDeployment,
  notFound,
  type Refusal,
} from "../protocol/errors.ts";
import { isEncodedInput } from "../protocol/http/fields.ts";
import { route } from "../routing/route.ts";
import { tooLarge } from "./payload.ts";
import type { RequestContext } from "./request-context.ts";

export interface ScheduleTarget {
  readonly workflow: string;
  /** Fixed by the caller; null: the workflow is found by its name. */
  readonly registrationId: string | null;
  /** Fixed by the caller; null: whichever serves the workflow at the time. */
  readonly deployment: string | null;
  /** Whose schema the input must fit; undefined: that will show at the start. */
  readonly registration: RegistrationRecord | undefined;
}

interface Wanted {
  readonly workflow_identifier?: string | null | undefined;
  readonly workflow_registration_id?: string | null | undefined;
  readonly workflow_version_id?: string | null | undefined;
  readonly deployment_name?: string | null | undefined;
  readonly workflow_task_queue?: string | null | undefined;
}

export async function targetOfSchedule(context: RequestContext, wanted: Wanted): Promise<ScheduleTarget | Refusal> {
  const deployment = deploymentOf(wanted);
  if (isRefusal(deployment)) return deployment;
  const registrationId = wanted.workflow_registration_id ?? wanted.workflow_version_id;
  if (registrationId != null) return byRegistration(context, registrationId, deployment);
  return byIdentifier(context, wanted.workflow_identifier ?? "", deployment);
}

/** `workflow_task_queue` is an older name of `deployment_name`; when both are given they must agree. */
function deploymentOf({ deployment_name: name, workflow_task_queue: queue }: Wanted): string | null | Refusal {
  if (name && queue && name !== queue) {
    return invalidAt(
      ["body", "workflow_task_queue"],
      `it names '${queue}', deployment_name names '${name}': leave one of them out`,
    );
  }
  return name || queue || null;
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
  return { workflow: registration.workflow, registrationId: id, deployment: registration.deployment, registration };
}

/** Name or id of a workflow, or id of a registration. */
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
  const found = await route(ports, workspace, { workflow: workflow.name, deployment });
  if (found.kind === "refused") return found.refusal;
  const served = found.kind === "found" ? [found.registration] : found.registrations;
  const registration = served.length === 1 ? served[0] : undefined;
  return { workflow: workflow.name, registrationId: null, deployment, registration };
}

/** The refusal of an input that is too large or does not fit the workflow's schema; null = it will do. */
export async function inputRefusal(
  registration: RegistrationRecord | undefined,
  input: unknown,
): Promise<Refusal | null> {
  const large = tooLarge("input of the schedule", input);
  if (large || !registration || isEncodedInput(input)) return large;
  const { inputProblems } = await import("../routing/schema-check.ts"); // with its validator, at the first change
  const problems = inputProblems(registration.definition.input_schema, input);
  if (problems.length === 0) return null;
  return invalidSchedule(problems.map((each) => ({ ...each, loc: ["body", "schedule", ...each.loc.slice(1)] })));
}
