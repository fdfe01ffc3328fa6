/** The state while a command works on it: a writable copy, with the effects and log entries decided so far. */
import { compile, type SpecSource } from "./compile.ts";
import type { ScheduleDefinition } from "./definition.ts";
import { executionIdOf } from "./ids.ts";
import { firstIssues, type SpecIssue } from "./issues.ts";
import { LOG_KEPT } from "./limits.ts";
import { noteOf } from "./note.ts";
import { sizeIssues } from "./sizes.ts";
import type { ActiveRun, Decision, Effect, LogEntry, Occurrence, Outcome, ScheduleState } from "./state.ts";
import { Steps, Uncomputable } from "./steps.ts";
import { type CompiledSpec, type DueTime, nextTime, type SearchOptions } from "./times.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export interface Draft {
  readonly before: ScheduleState;
  readonly state: Writable<ScheduleState>;
  readonly now: number;
  readonly effects: Effect[];
  readonly log: LogEntry[];
  /** The budget of the command. */
  readonly steps: Steps;
  /** The first time after the cursor, once it was searched. */
  next: { readonly definition: ScheduleDefinition; readonly cursor: number; readonly time: DueTime | undefined } | null;
}

/** Commands assign fields and never write into their values, so that `finish` can tell what changed by comparing references. */
export function open(before: ScheduleState, now: number): Draft {
  return { before, state: { ...before }, now, effects: [], log: [], steps: new Steps(), next: null };
}

export function finish(draft: Draft): Decision {
  const { before, state, effects, log } = draft;
  let wakeAt = outboxTime(state);
  orPause(draft, () => {
    const due = dueTime(draft);
    if (due !== undefined) wakeAt = Math.min(wakeAt ?? due, due);
  });
  const keys = Object.keys(state) as (keyof ScheduleState)[];
  const changed = keys.some((key) => state[key] !== before[key]);
  if (changed) state.version = before.version + 1;
  return { state: changed ? state : before, effects, log, wakeAt, changed };
}

/**
 * Does a part of a command that needs the times of the definition. If they cannot be computed, the schedule pauses itself
 * with a note that says why: a definition that is over its budget must not take the whole budget again every minute. The
 * command goes on without them.
 */
export function orPause(draft: Draft, part: () => void): void {
  try {
    part();
  } catch (error) {
    if (!(error instanceof Uncomputable)) throw error;
    const { state, now } = draft;
    // The due times up to now are passed over without log entries: which they are is what cannot be computed.
    state.cursor = Math.max(state.cursor, now);
    if (state.paused) return;
    state.paused = true;
    state.note = noteOf(`paused because its times cannot be computed: ${error.message}; update it, then resume it`);
    state.updated_at = now;
  }
}

/** The outcomes without a start that no person has asked for: a person pauses a schedule, or limits its runs. */
const NOT_STARTED: ReadonlySet<Outcome> = new Set([
  "skipped_overlap",
  "superseded",
  "missed_catchup",
  "buffer_full",
  "refused",
  "duplicate",
]);

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
  if (entry.manual === null && NOT_STARTED.has(outcome)) state.not_started = entry;
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

/** By the text of what a definition says about times: thousands of schedules may share a calendar. */
const compiled = new Map<string, CompiledSpec>();
/** With more, the oldest is dropped. The largest take 50 KB with their text. */
const SPECS_KEPT = 100;
/** The answer before: a command asks several times. */
let last: { readonly definition: ScheduleDefinition; readonly spec: CompiledSpec } | null = null;

/** The compiled spec of a stored definition. It was valid when it was stored, perhaps by another version of the program. */
export function specOf(definition: ScheduleDefinition): CompiledSpec {
  if (last?.definition === definition) return last.spec;
  const text = specText(definition);
  const spec = compiled.get(text) ?? validSpecOf(definition);
  last = { definition, spec };
  if (compiled.has(text)) return spec;
  const [oldest] = compiled.keys();
  if (compiled.size >= SPECS_KEPT) compiled.delete(oldest!);
  compiled.set(text, spec);
  return spec;
}

function specText({ input: _input, policy: _policy, max_executions: _most, ...spec }: ScheduleDefinition): string {
  return JSON.stringify(spec satisfies SpecSource);
}

function validSpecOf(definition: ScheduleDefinition): CompiledSpec {
  const tooLong = sizeIssues(definition);
  if (tooLong.length > 0) throw invalid(tooLong);
  const { spec, issues } = compile(definition);
  if (issues.length > 0) throw invalid(issues);
  return spec;
}

const invalid = (issues: readonly SpecIssue[]) =>
  new Uncomputable(
    `its definition is not valid: ${firstIssues(issues)
      .map(({ msg }) => msg)
      .join("; ")}`,
  );

/** The reason why due times cannot start runs now and are lost; undefined if they can start. */
export function lostBecause(state: ScheduleState): "paused" | "exhausted" | undefined {
  if (state.paused) return "paused";
  return state.remaining === 0 ? "exhausted" : undefined;
}

export const searchOf = ({ state, steps }: Draft): SearchOptions => ({ seed: state.seed, steps });

/** The first time after the cursor. */
export function nextOf(draft: Draft): DueTime | undefined {
  const { cursor, definition } = draft.state;
  if (draft.next?.cursor === cursor && draft.next.definition === definition) return draft.next.time;
  const time = nextTime(specOf(definition), cursor, searchOf(draft));
  draft.next = { definition, cursor, time };
  return time;
}

/** When the next due time that can start a run comes. */
const dueTime = (draft: Draft): number | undefined => (lostBecause(draft.state) ? undefined : nextOf(draft)?.actual);

/** When the next attempt of an effect in the outbox is due. */
function outboxTime(state: ScheduleState): number | undefined {
  let first = Number.POSITIVE_INFINITY;
  for (const run of state.active) {
    if (run.starting) first = Math.min(first, run.starting.again_at);
    else if (run.stop && !run.stop.confirmed) first = Math.min(first, run.stop.again_at);
  }
  return Number.isFinite(first) ? first : undefined;
}
