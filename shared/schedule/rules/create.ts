/** The command that creates a schedule. */
import { idProblem, ScheduleId } from "../../protocol/ids.ts";
import { type Draft, finish } from "./draft.ts";
import { issue, type SpecIssue } from "./issues.ts";
import type { Decision, ScheduleState } from "./state.ts";
import { validateSpec } from "./validate.ts";

export interface CreateSchedule {
  readonly schedule_id: string;
  /** Names the schedule for its jitter, for instance workspace and id. */
  readonly seed: string;
  readonly workflow_name: string;
  readonly workflow_registration_id?: string | null;
  readonly deployment_name?: string | null;
  readonly created_by?: string | null;
  /** A ScheduleDefinition, not yet validated. */
  readonly definition: unknown;
}

/** Due times before `now` never start a run, even if the spec starts in the past. */
export function createSchedule(now: number, given: CreateSchedule): Decision | { readonly issues: SpecIssue[] } {
  const problem = idProblem(ScheduleId, given.schedule_id);
  if (problem !== undefined) return { issues: [issue(["schedule_id"], given.schedule_id, problem)] };
  const validated = validateSpec(given.definition);
  if ("issues" in validated) return validated;
  const { definition } = validated;
  const state: ScheduleState = {
    format: 1,
    schedule_id: given.schedule_id,
    seed: given.seed,
    version: 1,
    workflow_name: given.workflow_name,
    workflow_registration_id: given.workflow_registration_id ?? null,
    deployment_name: given.deployment_name ?? null,
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
  const draft: Draft = { before: state, state, now, effects: [], log: [] };
  return { ...finish(draft), changed: true };
}
