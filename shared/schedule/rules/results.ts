/** The commands that take in results of effects. A second result of an effect, or one of an unknown run, changes nothing. */
import { count, type Draft, finish, idOf, isSameRun, open, record } from "./draft.ts";
import { attempt, stopEffect } from "./effects.ts";
import { RECENT_KEPT, retryDelay, START_ATTEMPTS } from "./limits.ts";
import type { ActiveRun, Attempts, Decision, Occurrence, ScheduleState } from "./state.ts";
import { wakeDraft } from "./wake.ts";

export type StartResult =
  /** Also if an earlier attempt with the same key had started it. */
  | {
      readonly kind: "started";
      readonly run?: string | null;
      readonly started_at?: number;
      /** The execution had closed before and has told the schedule, so `runClosed` will not be called for it. */
      readonly closed?: boolean;
    }
  /** An execution with this id exists that was started with another key. The start is not tried again. */
  | { readonly kind: "duplicate" }
  /** Permanent: unknown workflow, several deployments to choose from, invalid input. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Transient: no deployment is active, the store is throttled. At most ten attempts, 1 s to 1 min apart. */
  | { readonly kind: "unavailable"; readonly reason: string };

export type StopResult =
  /** The execution has the request, or was terminated. */
  | "asked"
  /** The execution had closed before; `runClosed` reports its status. */
  | "closed"
  /** The execution does not exist, so `runClosed` will never be called for it. */
  | "missing"
  /** Transient: the stop is tried again. */
  | "unavailable";

export type EffectResult =
  | { readonly kind: "start"; readonly execution: string; readonly result: StartResult }
  | { readonly kind: "stop"; readonly execution: string; readonly result: StopResult };

/** The results of effects that were performed together: one change, however many there are. */
export function effectResults(state: ScheduleState, now: number, results: readonly EffectResult[]): Decision {
  const draft = open(state, now);
  const occurrences = new Map<string, Occurrence>(state.active.map((run) => [idOf(state, run), run]));
  for (const each of results) {
    const occurrence = occurrences.get(each.execution);
    const run = occurrence && draft.state.active.find((active) => isSameRun(active, occurrence));
    if (!run) continue;
    if (each.kind === "stop") applyStop(draft, run, each.result);
    else if (run.starting) applyStart(draft, run, run.starting, each.result);
  }
  wakeDraft(draft);
  return finish(draft);
}

export const startResult = (state: ScheduleState, now: number, execution: string, result: StartResult): Decision =>
  effectResults(state, now, [{ kind: "start", execution, result }]);
export const stopResult = (state: ScheduleState, now: number, execution: string, result: StopResult): Decision =>
  effectResults(state, now, [{ kind: "stop", execution, result }]);

function applyStart(draft: Draft, run: ActiveRun, { tries }: Attempts, result: StartResult): void {
  switch (result.kind) {
    case "started":
      markStarted(draft, run, { started_at: result.started_at ?? draft.now, run: result.run ?? null });
      if (result.closed) draft.state.active = draft.state.active.filter((each) => !isSameRun(each, run));
      return;
    case "duplicate":
      notStarted(draft, run);
      record(draft, run, "duplicate");
      return;
    case "refused":
      refuse(draft, run, result.reason);
      return;
    case "unavailable":
      if (tries >= START_ATTEMPTS) refuse(draft, run, `${result.reason} (tried ${tries} times)`);
      else replace(draft, { ...run, starting: { tries, again_at: draft.now + retryDelay(tries) } });
      return;
  }
}

/** A refused start returns its slot and is logged with the reason. The schedule goes on with the next run. */
function refuse(draft: Draft, run: ActiveRun, reason: string): void {
  notStarted(draft, run);
  count(draft, "refused");
  record(draft, run, "refused", { reason });
}

function notStarted({ state }: Draft, run: ActiveRun): void {
  state.active = state.active.filter((each) => !isSameRun(each, run));
  if (run.slot && state.remaining !== null) state.remaining++;
}

export function markStarted(
  draft: Draft,
  run: ActiveRun,
  { started_at, run: first }: { readonly started_at: number; readonly run: string | null },
): void {
  const { state } = draft;
  const stop = run.stop && { ...run.stop, ...attempt(draft.now, null) };
  const running: ActiveRun = { ...run, starting: null, started_at, run: first, stop };
  replace(draft, running);
  count(draft, "started");
  state.recent = [...state.recent, { scheduled_at: run.actual, started_at, execution_id: idOf(state, run) }].slice(
    -RECENT_KEPT,
  );
  record(draft, run, "started");
  if (running.stop) draft.effects.push(stopEffect(state, running, running.stop.kind));
}

function replace({ state }: Draft, run: ActiveRun): void {
  state.active = state.active.map((each) => (isSameRun(each, run) ? run : each));
}

function applyStop(draft: Draft, run: ActiveRun, result: StopResult): void {
  const { stop } = run;
  if (!stop || run.starting) return;
  if (result === "missing") {
    draft.state.active = draft.state.active.filter((each) => each !== run);
  } else if (!stop.confirmed) {
    const again_at = draft.now + retryDelay(stop.tries);
    replace(draft, { ...run, stop: result === "unavailable" ? { ...stop, again_at } : { ...stop, confirmed: true } });
  }
}
