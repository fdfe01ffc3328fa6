/**
 * The registration that serves a scheduled start. Each start chooses it anew, by the rules of a client's execute. If no worker
 * is running the result is "unavailable", and the start is tried again for some minutes; every other reason is "refused".
 */
import type { Ports, RegistrationRecord } from "../../ports.ts";
import type { Refusal } from "../../protocol/errors.ts";
import { isEncodedInput } from "../../protocol/http/fields.ts";
import { inputProblems } from "../../routing/input-problems.ts";
import { route } from "../../routing/route.ts";
import type { StartEffect } from "../rules/index.ts";

export type NoTarget = { readonly kind: "refused" | "unavailable"; readonly reason: string };
export type Target = { readonly kind: "registration"; readonly registration: RegistrationRecord } | NoTarget;

export async function targetOf(ports: Ports, workspace: string, effect: StartEffect): Promise<Target> {
  const { workflow_name: workflow, workflow_registration_id: id, deployment_name: deployment } = effect;
  const { execution_id: execution, follows_current: followsCurrent } = effect;
  const found = await route(ports, workspace, { workflow, registration: id, deployment, execution, followsCurrent });
  if (found.kind === "no_live_worker") return { kind: "unavailable", reason: textOf(found.refusal) };
  if (found.kind === "refused") return { kind: "refused", reason: textOf(found.refusal) };
  const { registration } = found;
  if (isEncodedInput(effect.input)) return { kind: "registration", registration };
  const problems = await inputProblems(registration.definition.input_schema, effect.input);
  if (problems.length === 0) return { kind: "registration", registration };
  const listed = problems.slice(0, 5).map(({ loc, msg }) => `${loc.slice(1).join(".")}: ${msg}`);
  const workflowText = `'${registration.workflow}' of deployment '${registration.deployment}'`;
  return { kind: "refused", reason: `the input does not fit workflow ${workflowText}: ${listed.join("; ")}` };
}

const textOf = ({ detail }: Refusal): string => (typeof detail === "string" ? detail : JSON.stringify(detail));
