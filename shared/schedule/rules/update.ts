/** The command that changes the definition. */
import { collect, cursorAfter } from "./collect.ts";
import { finish, open, orPause, specOf } from "./draft.ts";
import { issue, type SpecIssue } from "./issues.ts";
import { processBuffer } from "./overlap.ts";
import { uncomputable } from "./probe.ts";
import type { Decision, ScheduleState } from "./state.ts";
import { isObject, mergeDefinition, validateSpec } from "./validate.ts";

/**
 * Merges a PartialScheduleDefinition into the stored definition. An invalid result is refused as a whole. The update is not
 * retroactive: due times of the new spec before `now` never run, except one whose actual time, with jitter, is still to come.
 * Active and waiting runs stay; the new policy, input and deployment apply to those that wait. `max_executions` sets
 * `remaining`.
 */
export function update(
  state: ScheduleState,
  now: number,
  partial: unknown,
  deployment: string | null = null,
): Decision | { readonly issues: SpecIssue[] } {
  if (!isObject(partial)) return { issues: [issue([], partial, "allowed is an object", "object_type")] };
  const validated = validateSpec(mergeDefinition(state.definition, partial));
  if ("issues" in validated) return validated;
  const { definition } = validated;
  const issues = uncomputable(definition, now);
  if (issues) return { issues };
  const draft = open(state, now);
  collect(draft);
  draft.state.definition = definition;
  if (deployment !== null) {
    if (deployment !== state.deployment_name) draft.state.workflow_registration_id = null; // it was the old deployment's
    draft.state.deployment_name = deployment;
    delete draft.state.follows_current;
  }
  draft.state.updated_at = now;
  if (partial.max_executions !== undefined) {
    draft.state.remaining = definition.max_executions;
    // Runs took their slots from the number that is now replaced, so they return none to the new one.
    draft.state.active = draft.state.active.map((run) => (run.slot ? { ...run, slot: false } : run));
  }
  orPause(draft, () => {
    const search = { seed: state.seed, steps: draft.steps };
    draft.state.cursor = cursorAfter(specOf(definition), draft.state.cursor, now - 1, search);
  });
  processBuffer(draft);
  return finish(draft);
}
