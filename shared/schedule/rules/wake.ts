/** Time has passed. */
import { collect } from "./collect.ts";
import { type Draft, finish, open } from "./draft.ts";
import { repeatOverdue } from "./effects.ts";
import { processBuffer } from "./overlap.ts";
import type { Decision, ScheduleState } from "./state.ts";

/**
 * Takes in what is due and starts what can start. A wake-up is a hint: early, late, twice or missing, the outcome is the
 * same, except that what comes due between two of them is one batch.
 */
export function wake(state: ScheduleState, now: number): Decision {
  const draft = open(state, now);
  wakeDraft(draft);
  return finish(draft);
}

/** What most commands do first, so that a due time comes before a command of the same instant or later. */
export function wakeDraft(draft: Draft): void {
  collect(draft);
  processBuffer(draft);
  repeatOverdue(draft);
}
