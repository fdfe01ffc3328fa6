/** The command of a wake-up. */
import { collect } from "./collect.ts";
import { type Draft, finish, open } from "./draft.ts";
import { repeatOverdue } from "./effects.ts";
import { processBuffer } from "./overlap.ts";
import type { Decision, ScheduleState } from "./state.ts";

/**
 * Handles the due times up to now and starts the runs that can start. A wake-up is a hint: if it is early, late, doubled or
 * lost, the outcome is the same, except that the due times between two wake-ups are one batch, and that due times which are
 * older than the catch-up window by then are logged as missed.
 */
export function wake(state: ScheduleState, now: number): Decision {
  const draft = open(state, now);
  wakeDraft(draft);
  return finish(draft);
}

/** Most commands call it first, so that earlier and simultaneous due times are handled before the command. */
export function wakeDraft(draft: Draft): void {
  collect(draft);
  processBuffer(draft);
  repeatOverdue(draft);
}
