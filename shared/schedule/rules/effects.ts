/**
 * Starts and stops of executions. The rules decide them as values, and keep each in `active` until its result is known: those
 * without a result are the outbox of the schedule. The service performs them.
 */
import { type Draft, idOf } from "./draft.ts";
import { LONGEST_RETRY_MS, resultTimeout } from "./limits.ts";
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

/** The next attempt, with the time at which it is made again if no result is known. */
export const attempt = (now: number, before: Attempts | null): Attempts => {
  const tries = (before?.tries ?? 0) + 1;
  return { tries, again_at: now + resultTimeout(tries) };
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

/**
 * Asks every active run to stop, including those that were asked before. A run whose start is not confirmed is asked once it is
 * known to run.
 */
export function stopAll(draft: Draft, kind: StopKind): void {
  const { state, now } = draft;
  state.active = state.active.map((run) => {
    const wanted = run.stop?.kind === "terminate" ? "terminate" : kind;
    const stopping = { ...run, stop: { kind: wanted, confirmed: false, ...attempt(now, null) } };
    if (!run.starting) draft.effects.push(stopEffect(state, stopping, wanted));
    return stopping;
  });
}

/** Repeats the effects whose result is overdue. */
export function repeatOverdue(draft: Draft): void {
  const { state, now } = draft;
  // No attempt waits longer than this: a later time was written before the clock was set back.
  const overdue = ({ again_at }: Attempts) => again_at <= now || again_at > now + LONGEST_RETRY_MS;
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

/** Whether `outboxOf` has any. */
export const hasOutbox = (state: ScheduleState): boolean =>
  state.active.some(({ starting, stop }) => starting !== null || (stop !== null && !stop.confirmed));

/** The effects without a result. After a crash another process may perform all of them at once. */
export function outboxOf(state: ScheduleState): Effect[] {
  return state.active.flatMap((run): Effect[] => {
    if (run.starting) return [startEffect(state, run)];
    return run.stop && !run.stop.confirmed ? [stopEffect(state, run, run.stop.kind)] : [];
  });
}

function keyOf(state: ScheduleState, run: ActiveRun): string {
  return `schedule:${state.schedule_id}:${state.created_at}:${idOf(state, run)}`;
}

/** Uses the present input and target, not those at the time when the run was queued. */
function startEffect(state: ScheduleState, run: ActiveRun): StartEffect {
  return {
    kind: "start",
    key: keyOf(state, run),
    execution_id: idOf(state, run),
    schedule_id: state.schedule_id,
    workflow_name: state.workflow_name,
    workflow_registration_id: state.workflow_registration_id,
    deployment_name: state.deployment_name,
    ...(state.follows_current && { follows_current: true }),
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
