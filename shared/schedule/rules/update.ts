/** The command that changes the definition. */
import { collect, cursorAfter } from "./collect.ts";
import { finish, open, specOf } from "./draft.ts";
import { issue, type SpecIssue } from "./issues.ts";
import { processBuffer } from "./overlap.ts";
import type { Decision, ScheduleState } from "./state.ts";
import { isObject, mergeDefinition, validateSpec } from "./validate.ts";

/**
 * Merges a PartialScheduleDefinition into the stored definition. An invalid result is refused as a whole. The update is not
 * retroactive: due times of the new spec before `now` never run, except one whose actual time, with jitter, is still to come.
 * Active and waiting runs stay; the new policy and input apply to those that wait. `max_executions` sets `remaining`.
 */
export function update(
  state: ScheduleState,
  now: number,
  partial: unknown,
): Decision | { readonly issues: SpecIssue[] } {
  if (!isObject(partial)) return { issues: [issue([], partial, "allowed is an object", "object_type")] };
  const validated = validateSpec(mergeDefinition(state.definition, partial));
  if ("issues" in validated) return validated;
  const { definition } = validated;
  const draft = open(state, now);
  collect(draft);
  draft.state.definition = definition;
  draft.state.updated_at = now;
  if (partial.max_executions !== undefined) {
    draft.state.remaining = definition.max_executions;
    // Runs took their slots from the number that is now replaced, so they return none to the new one.
    draft.state.active = draft.state.active.map((run) => (run.slot ? { ...run, slot: false } : run));
  }
  draft.state.cursor = cursorAfter(specOf(definition), state.seed, draft.state.cursor, now - 1);
  processBuffer(draft);
  return finish(draft);
}
