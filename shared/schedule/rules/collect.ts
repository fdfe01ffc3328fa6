/** Moves the due times since the cursor into the buffer, or logs them as lost. */
import { Overlap, type OverlapPolicy } from "./definition.ts";
import { count, type Draft, isSameRun, lostBecause, nextOf, orPause, record, searchOf, specOf } from "./draft.ts";
import { BUFFER_LIMIT, LOST_ONE_BY_ONE } from "./limits.ts";
import type { Occurrence, Outcome, WaitingRun } from "./state.ts";
import { type CompiledSpec, type DueTime, lastRawTime, nextTime, type SearchOptions, timesAfter } from "./times.ts";

/** Moves the cursor over every due time with `actual <= now`, and appends the runs that can start to the buffer. */
export function collect(draft: Draft): void {
  orPause(draft, () => {
    const lost = lostBecause(draft.state);
    if (lost) lose(draft, draft.now, lost);
    else collectDue(draft);
  });
}

function collectDue(draft: Draft): void {
  const windowMs = draft.state.definition.policy.catchup_window_seconds * 1000;
  lose(draft, draft.now - windowMs - 1, "missed_catchup");
  if (!hasCome(nextOf(draft), draft.now)) return;
  const { state, now } = draft;
  const due: WaitingRun[] = [];
  try {
    for (const time of timesAfter(specOf(state.definition), state.cursor, searchOf(draft))) {
      if (time.actual > now) {
        draft.next = { definition: state.definition, cursor: state.cursor, time };
        break;
      }
      if (state.buffer.length + due.length === BUFFER_LIMIT) break;
      state.cursor = time.nominal;
      const run = scheduled(time);
      if (!state.active.some((active) => isSameRun(active, run))) due.push(waiting(run));
    }
  } finally {
    if (due.length > 0) state.buffer = [...state.buffer, ...due];
  }
  if (state.buffer.length < BUFFER_LIMIT) return;
  const { overlap } = state.definition.policy;
  if (overlap === Overlap.CANCEL_OTHER || overlap === Overlap.TERMINATE_OTHER) keepNewest(draft);
  lose(draft, now, "buffer_full");
}

const hasCome = (time: DueTime | undefined, until: number): boolean => time !== undefined && time.actual <= until;

/** Under CANCEL_OTHER and TERMINATE_OTHER the newest run starts, so in a full buffer it replaces the last waiting run. */
function keepNewest(draft: Draft): void {
  const { state, now } = draft;
  const spec = specOf(state.definition);
  const last = lastRawTime(spec, state.cursor, now, draft.steps);
  const newest = last === undefined ? undefined : nextTime(spec, last - 1, searchOf(draft));
  const replaced = state.buffer.at(-1);
  if (!newest || newest.nominal !== last || newest.actual > now || !replaced || replaced.manual !== null) return;
  record(draft, replaced, "superseded", { until: newest.nominal - 1 });
  state.buffer = [...state.buffer.slice(0, -1), waiting(scheduled(newest))];
  state.cursor = newest.nominal;
}

/** Logs the due times with `actual <= until` as lost: the first `LOST_ONE_BY_ONE` one by one, the rest in one entry. */
function lose(draft: Draft, until: number, outcome: Outcome): void {
  if (!hasCome(nextOf(draft), until)) return;
  const { state } = draft;
  const spec = specOf(state.definition);
  let handled = 0;
  for (const time of timesAfter(spec, state.cursor, searchOf(draft))) {
    if (time.actual > until) return;
    if (handled === LOST_ONE_BY_ONE) {
      state.cursor = cursorAfter(spec, state.cursor, until, searchOf(draft));
      record(draft, scheduled(time), outcome, { until });
      return;
    }
    handled++;
    state.cursor = time.nominal;
    record(draft, scheduled(time), outcome);
    if (outcome === "missed_catchup") count(draft, "missed_catchup_window");
    if (outcome === "buffer_full") count(draft, "buffer_dropped");
  }
}

/** A run that has just come due or was just requested. */
export function waiting(occurrence: Occurrence, overlap: OverlapPolicy | null = null): WaitingRun {
  return { ...occurrence, overlap, waited: false, asked: false };
}

const scheduled = ({ nominal, actual }: DueTime) => ({ nominal, actual, manual: null });

/**
 * The cursor, at or after `cursor`, that has passed all due times with `actual <= until` and no others. Only for the latest raw
 * time can `until` lie between the nominal and the actual time, because jitter ends before the next raw time.
 */
export function cursorAfter(spec: CompiledSpec, cursor: number, until: number, options: SearchOptions): number {
  const passed = Math.max(cursor, until);
  const last = lastRawTime(spec, cursor, until, options.steps);
  if (last === undefined) return passed;
  const time = nextTime(spec, last - 1, options);
  return time?.nominal === last && time.actual > until ? last - 1 : passed;
}
