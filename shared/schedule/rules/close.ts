/** The command that takes in the close of an execution that the schedule started. */
import { activeRun, finish, isSameRun, open } from "./draft.ts";
import { processBuffer } from "./overlap.ts";
import { failureNote } from "./pause.ts";
import { markStarted } from "./results.ts";
import type { Decision, ScheduleState } from "./state.ts";
import { wakeDraft } from "./wake.ts";

export interface ClosedRun {
  readonly execution_id: string;
  /** The execution's final status, after all its retries and continued runs. */
  readonly status: "COMPLETED" | "FAILED" | "CANCELED" | "TERMINATED" | "TIMED_OUT";
  readonly failure?: string | null;
}

/**
 * An execution closed: pauses the schedule after a failure or timeout if the policy says so, then starts waiting runs. For an
 * execution that is not active (a second report, or an unknown id) it is only a wake-up. If the run closed before its start was
 * confirmed, the close confirms the start.
 */
export function runClosed(state: ScheduleState, now: number, closed: ClosedRun): Decision {
  const draft = open(state, now);
  wakeDraft(draft);
  const run = activeRun(draft.state, closed.execution_id);
  if (!run) return finish(draft);
  if (run.starting) markStarted(draft, { ...run, stop: null }, { started_at: now, run: null });
  draft.state.active = draft.state.active.filter((each) => !isSameRun(each, run));
  const failed = closed.status === "FAILED" || closed.status === "TIMED_OUT";
  if (failed && draft.state.definition.policy.pause_on_failure && !draft.state.paused) {
    draft.state.paused = true;
    draft.state.note = failureNote(closed.execution_id, closed.failure ?? null);
  }
  processBuffer(draft);
  return finish(draft);
}
