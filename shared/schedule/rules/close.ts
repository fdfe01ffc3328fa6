/** What became of an execution that the schedule started. */
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
 * An execution closed: pauses after a failure or timeout if the policy says so, then starts what waits. Told twice, or about
 * an execution that the schedule does not know, it is only a wake-up. A run that closes before its start was confirmed
 * has started.
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
