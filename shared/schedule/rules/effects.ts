/** Starts and stops: decided here, kept in `active` until their result is known, described as values for the adapter. */
import { type Draft, idOf } from "./draft.ts";
import { guardDelay } from "./limits.ts";
import type {
  ActiveRun,
  Attempts,
  Effect,
  Occurrence,
  ScheduleState,
  StartEffect,
  StopEffect,
  StopKind,
} from "./state.ts";

/** The next attempt, with the time for its result. */
export const attempt = (now: number, before: Attempts | null): Attempts => {
  const tries = (before?.tries ?? 0) + 1;
  return { tries, again_at: now + guardDelay(tries) };
};

export function start(draft: Draft, { nominal, actual, manual }: Occurrence, slot: boolean): void {
  const { state, now } = draft;
  const run: ActiveRun = {
    nominal,
    actual,
    manual,
    run: null,
    started_at: null,
    slot,
    starting: attempt(now, null),
    stop: null,
  };
  state.active = [...state.active, run];
  draft.effects.push(startEffect(state, run));
}

/** Asks every active run to stop, again those that were asked before. One that is only starting is asked once it runs. */
export function stopAll(draft: Draft, kind: StopKind): void {
  const { state, now } = draft;
  state.active = state.active.map((run) => {
    const wanted = run.stop?.kind === "terminate" ? "terminate" : kind;
    const stopping = { ...run, stop: { kind: wanted, confirmed: false, ...attempt(now, null) } };
    if (!run.starting) draft.effects.push(stopEffect(state, stopping, wanted));
    return stopping;
  });
}

/** Performs again what has had no result for too long. */
export function repeatOverdue(draft: Draft): void {
  const { state, now } = draft;
  const overdue = (attempts: Attempts) => attempts.again_at <= now;
  let repeated = false;
  const active = state.active.map((run) => {
    if (run.starting) {
      if (!overdue(run.starting)) return run;
      repeated = true;
      draft.effects.push(startEffect(state, run));
      return { ...run, starting: attempt(now, run.starting) };
    }
    if (!run.stop || run.stop.confirmed || !overdue(run.stop)) return run;
    repeated = true;
    draft.effects.push(stopEffect(state, run, run.stop.kind));
    return { ...run, stop: { ...run.stop, ...attempt(now, run.stop) } };
  });
  if (repeated) state.active = active;
}

/** Every effect without a result, for whoever takes over from a process that died: all may be performed at once. */
export function outstandingEffects(state: ScheduleState): Effect[] {
  return state.active.flatMap((run): Effect[] => {
    if (run.starting) return [startEffect(state, run)];
    return run.stop && !run.stop.confirmed ? [stopEffect(state, run, run.stop.kind)] : [];
  });
}

function keyOf(state: ScheduleState, run: ActiveRun): string {
  return `schedule:${state.schedule_id}:${state.created_at}:${idOf(state, run)}`;
}

/** With the input and target in force now, not those when the run was queued. */
function startEffect(state: ScheduleState, run: ActiveRun): StartEffect {
  return {
    kind: "start",
    key: keyOf(state, run),
    execution_id: idOf(state, run),
    schedule_id: state.schedule_id,
    workflow_name: state.workflow_name,
    workflow_registration_id: state.workflow_registration_id,
    deployment_name: state.deployment_name,
    input: state.definition.input,
    nominal: run.nominal,
    actual: run.actual,
    manual: run.manual !== null,
  };
}

export function stopEffect(state: ScheduleState, run: ActiveRun, kind: StopKind): StopEffect {
  const asked = kind === "cancel" ? "cancelled" : "terminated";
  return {
    kind,
    key: `${keyOf(state, run)}:${kind}`,
    execution_id: idOf(state, run),
    schedule_id: state.schedule_id,
    reason: `${asked} by schedule ${state.schedule_id}: its next run is due and its overlap policy puts the new run first`,
  };
}
