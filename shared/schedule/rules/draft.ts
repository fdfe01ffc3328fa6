/** The state while a command works on it: a writable copy, with the effects and log entries decided so far. */
import { compile } from "./compile.ts";
import type { ScheduleDefinition } from "./definition.ts";
import { executionIdOf } from "./ids.ts";
import { LOG_KEPT } from "./limits.ts";
import type { ActiveRun, Decision, Effect, LogEntry, Occurrence, Outcome, ScheduleState } from "./state.ts";
import { type CompiledSpec, nextTime } from "./times.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export interface Draft {
  readonly before: ScheduleState;
  readonly state: Writable<ScheduleState>;
  readonly now: number;
  readonly effects: Effect[];
  readonly log: LogEntry[];
}

/** Commands assign fields and never write into their values, so that `finish` can tell what changed by comparing references. */
export function open(before: ScheduleState, now: number): Draft {
  return { before, state: { ...before }, now, effects: [], log: [] };
}

export function finish({ before, state, effects, log }: Draft): Decision {
  const keys = Object.keys(state) as (keyof ScheduleState)[];
  const changed = keys.some((key) => state[key] !== before[key]);
  if (changed) state.version = before.version + 1;
  const after = changed ? state : before;
  return { state: after, effects, log, wakeAt: wakeTime(after), changed };
}

/** Logs the outcome of a due time. */
export function record(
  draft: Draft,
  occurrence: Occurrence,
  outcome: Outcome,
  more: { reason?: string; until?: number } = {},
): void {
  const { state, now } = draft;
  state.log_entries++;
  const entry: LogEntry = {
    seq: state.log_entries,
    at: now,
    nominal: occurrence.nominal,
    actual: occurrence.actual,
    manual: occurrence.manual,
    outcome,
    ...more,
  };
  draft.log.push(entry);
  state.log = [...state.log, entry].slice(-LOG_KEPT);
}

export function count(draft: Draft, counter: keyof ScheduleState["counters"]): void {
  const { counters } = draft.state;
  draft.state.counters = { ...counters, [counter]: counters[counter] + 1 };
}

export function activeRun(state: ScheduleState, executionId: string): ActiveRun | undefined {
  return state.active.find((run) => idOf(state, run) === executionId);
}

export const isSameRun = (one: Occurrence, other: Occurrence) =>
  one.nominal === other.nominal && one.manual === other.manual;

export const idOf = (state: ScheduleState, occurrence: Occurrence) => executionIdOf(state.schedule_id, occurrence);

const compiled = new WeakMap<ScheduleDefinition, CompiledSpec>();

/** The compiled spec of a stored definition. The definition was valid when it was stored, so an issue is a fault: it throws. */
export function specOf(definition: ScheduleDefinition): CompiledSpec {
  const known = compiled.get(definition);
  if (known) return known;
  const { spec, issues } = compile(definition);
  if (issues.length > 0) {
    const why = issues.map(({ msg }) => msg).join("; ");
    throw new Error(`a stored schedule definition does not compile (was it written by another version?): ${why}`);
  }
  compiled.set(definition, spec);
  return spec;
}

/** The reason why due times cannot start runs now and are lost; undefined if they can start. */
export function lostBecause(state: ScheduleState): "paused" | "exhausted" | undefined {
  if (state.paused) return "paused";
  return state.remaining === 0 ? "exhausted" : undefined;
}

/** The earliest of: the next due time, if it can start a run; the next attempt of an effect in the outbox. */
export function wakeTime(state: ScheduleState): number | undefined {
  let first = Number.POSITIVE_INFINITY;
  if (!lostBecause(state)) {
    const next = nextTime(specOf(state.definition), state.cursor, state.seed);
    if (next) first = next.actual;
  }
  for (const run of state.active) {
    if (run.starting) first = Math.min(first, run.starting.again_at);
    else if (run.stop && !run.stop.confirmed) first = Math.min(first, run.stop.again_at);
  }
  return Number.isFinite(first) ? first : undefined;
}
