/** The command that creates a schedule. */
import { finish, open } from "./draft.ts";
import type { SpecIssue } from "./issues.ts";
import { uncomputable } from "./probe.ts";
import type { Decision, ScheduleState } from "./state.ts";
import { idIssues, validateSpec } from "./validate.ts";

export interface CreateSchedule {
  readonly schedule_id: string;
  /** Names the schedule for its jitter, for instance workspace and id. */
  readonly seed: string;
  readonly workflow_name: string;
  readonly workflow_registration_id?: string | null;
  readonly deployment_name: string;
  /** Default: the schedule stays in its deployment. */
  readonly follows_current?: boolean;
  readonly created_by?: string | null;
  /** A ScheduleDefinition, not yet validated. */
  readonly definition: unknown;
}

/** Due times before `now` never start a run, even if the spec starts in the past. */
export function createSchedule(now: number, given: CreateSchedule): Decision | { readonly issues: SpecIssue[] } {
  const unfit = idIssues(given.schedule_id);
  if (unfit.length > 0) return { issues: unfit };
  const validated = validateSpec(given.definition);
  if ("issues" in validated) return validated;
  const { definition } = validated;
  const issues = uncomputable(definition, now);
  if (issues) return { issues };
  const state: ScheduleState = {
    format: 1,
    schedule_id: given.schedule_id,
    seed: given.seed,
    version: 1,
    workflow_name: given.workflow_name,
    workflow_registration_id: given.workflow_registration_id ?? null,
    deployment_name: given.deployment_name,
    ...(given.follows_current && { follows_current: true as const }),
    created_by: given.created_by ?? null,
    definition,
    paused: false,
    note: null,
    remaining: definition.max_executions,
    cursor: now,
    buffer: [],
    active: [],
    recent: [],
    counters: { started: 0, overlap_skipped: 0, missed_catchup_window: 0, buffer_dropped: 0, refused: 0 },
    manual_runs: 0,
    log_entries: 0,
    log: [],
    created_at: now,
    updated_at: now,
  };
  const { wakeAt } = finish(open(state, now));
  return { state, effects: [], log: [], wakeAt, changed: true };
}
