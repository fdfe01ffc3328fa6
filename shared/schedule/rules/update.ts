/** A changed definition. */
import { collect, cursorAfter } from "./collect.ts";
import { finish, open, specOf } from "./draft.ts";
import { issue, type SpecIssue } from "./issues.ts";
import { processBuffer } from "./overlap.ts";
import type { Decision, ScheduleState } from "./state.ts";
import { isObject, mergeDefinition, validateSpec } from "./validate.ts";

/**
 * Lays a PartialScheduleDefinition over the stored one; refused whole if the result is invalid. Not retroactive: due times of
 * the new spec before `now` never run, but one that is nominal and, by its jitter, not yet actual does. What is active or
 * waits stays, under the new policy and with the new input. `max_executions` sets what remains to that number.
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
    // What is starting took its slot from the number that is now replaced.
    draft.state.active = draft.state.active.map((run) => (run.slot ? { ...run, slot: false } : run));
  }
  draft.state.cursor = cursorAfter(specOf(definition), state.seed, draft.state.cursor, now - 1);
  processBuffer(draft);
  return finish(draft);
}
