/**
 * The rules of schedules: when a schedule is due, and what each due time does. Pure: a state, a command and the time give the
 * next state and effects.
 */
export { formatInstant, parseInstant } from "./civil.ts";
export { type ClosedRun, runClosed } from "./close.ts";
export { comingTimes } from "./coming.ts";
export { type CreateSchedule, createSchedule } from "./create.ts";
export {
  Overlap,
  type OverlapPolicy,
  type ScheduleDefinition,
} from "./definition.ts";
export { describe, logAt, type ScheduleDescription } from "./describe.ts";
export { hasOutbox, outboxOf } from "./effects.ts";
export { executionIdOf } from "./ids.ts";
export type { SpecIssue } from "./issues.ts";
export { pause, resume } from "./pause.ts";
export { type Preview, type PreviewOptions, preview, previewing } from "./preview.ts";
export { checkState, readState } from "./read-state.ts";
export {
  type EffectResult,
  effectResults,
  type StartResult,
  type StopResult,
  startResult,
  stopResult,
} from "./results.ts";
export type {
  ActiveRun,
  Counters,
  Decision,
  Effect,
  LogEntry,
  Outcome,
  RecentRun,
  ScheduleState,
  StartEffect,
  StopEffect,
  WaitingRun,
} from "./state.ts";
export { PREVIEW_STEPS, Uncomputable } from "./steps.ts";
export { type CompiledSpec, type DueTime, isSkipped, nextTime, timesAfter } from "./times.ts";
export { type Backfill, backfill, trigger } from "./trigger.ts";
export { update } from "./update.ts";
export { idIssues, isObject, mergeDefinition, type Validated, validateSpec } from "./validate.ts";
export { wake } from "./wake.ts";
export { type Piece, type Zone, zoneNamed } from "./zone.ts";
