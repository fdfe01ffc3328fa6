/** What changes a stored schedule: its definition, a pause, and runs that a caller asks for. Loaded at the first change. */
import { isRefusal, notFound, type Refusal } from "../protocol/errors.ts";
import type { BodyOf, ResponseOf } from "../protocol/routes.ts";
import { backfill, formatInstant, isObject, pause, resume, trigger, update } from "../schedule/rules/index.ts";
import { type Changed, change, type Decide } from "../schedule/service/index.ts";
import type { RequestContext } from "./request-context.ts";
import { inputRefusal, targetOfSchedule, withDecodedInput } from "./schedule-target.ts";
import { keyOf, refusedSpec, stored, unreadable } from "./schedules.ts";

type Id = string;

export async function updateSchedule(
  context: RequestContext,
  id: Id,
  body: BodyOf<"updateSchedule">,
): Promise<ResponseOf<"updateSchedule"> | Refusal> {
  const { deployment_name: deployment } = body;
  const decoded = withDecodedInput(body.schedule);
  if ("refused" in decoded) return decoded.refused;
  const { definition: partial } = decoded;
  const input = isObject(partial) && "input" in partial ? { input: partial.input } : undefined;
  if (input || deployment != null) {
    const state = await stored(context, id);
    if (isRefusal(state)) return state;
    const target = await targetOfSchedule(context, {
      workflow_identifier: state.workflow_name,
      deployment_name: deployment ?? state.deployment_name,
    });
    if (isRefusal(target) && deployment != null) return target;
    // Without a new deployment a refused target does not refuse the update: a schedule may be repaired while no deployment
    // serves its workflow.
    const registration = isRefusal(target) ? undefined : target.registration;
    const refused = await inputRefusal(registration, input ? input.input : state.definition.input);
    if (refused) return refused;
  }
  const changed = await apply(context, id, (state, now) => update(state, now, partial, deployment ?? null));
  return isRefusal(changed) ? changed : { schedule_id: id };
}

/** Applies a decision; `at`: the place in the request to which its issues are relative. */
async function apply(
  context: RequestContext,
  id: Id,
  decide: Decide,
  at?: readonly string[],
): Promise<Extract<Changed, { kind: "changed" }> | Refusal> {
  const changed = await change(context.ports, keyOf(context, id), decide).catch(unreadable);
  if (isRefusal(changed)) return changed;
  if (changed.kind === "missing") return notFound("schedule", id);
  if (changed.kind === "invalid") return refusedSpec(changed.issues, at);
  return changed;
}

const refusalOf = (changed: unknown): undefined | Refusal => (isRefusal(changed) ? changed : undefined);

export async function pauseSchedule(
  context: RequestContext,
  id: Id,
  body: BodyOf<"pauseSchedule">,
): Promise<undefined | Refusal> {
  return refusalOf(await apply(context, id, (state, now) => pause(state, now, body.note ?? null), ["body"]));
}

export async function resumeSchedule(
  context: RequestContext,
  id: Id,
  body: BodyOf<"resumeSchedule">,
): Promise<undefined | Refusal> {
  return refusalOf(await apply(context, id, (state, now) => resume(state, now, body.note ?? null), ["body"]));
}

export async function triggerSchedule(
  context: RequestContext,
  id: Id,
  body: BodyOf<"triggerSchedule">,
): Promise<undefined | Refusal> {
  return refusalOf(await apply(context, id, (state, now) => trigger(state, now, body.overlap ?? null)));
}

export async function backfillSchedule(
  context: RequestContext,
  id: Id,
  body: BodyOf<"backfillSchedule">,
): Promise<ResponseOf<"backfillSchedule"> | Refusal> {
  const range = {
    start_at: formatInstant(body.start_at),
    end_at: formatInstant(body.end_at),
    overlap: body.overlap ?? null,
  };
  let accepted = 0;
  const decide: Decide = (state, now) => {
    const decision = backfill(state, now, range);
    if ("state" in decision) accepted = decision.state.manual_runs - state.manual_runs;
    return decision;
  };
  const changed = await apply(context, id, decide, ["body"]);
  return isRefusal(changed) ? changed : { accepted };
}
