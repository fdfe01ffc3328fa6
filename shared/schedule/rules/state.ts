/**
 * A schedule: one JSON item. It is changed by the commands of this folder and written whole, under a condition on `version`.
 *
 * SCHEDULE-1. Every due time is handled once: the mark moves over it in the same write that decides what becomes of it.
 * SCHEDULE-2. A decision to start or stop an execution stays in `active` until its result is known. Who dies between the write
 *     and the effect leaves it there, and it is performed again. So effects must be idempotent by their key.
 * SCHEDULE-3. An active run, started or about to be, overlaps with what comes due. It leaves `active` when its execution closed or
 *     its start was refused, never by time.
 * SCHEDULE-4. A command that finds nothing to do returns the state it was given.
 */
import type { OverlapPolicy, ScheduleDefinition } from "./definition.ts";

/** Times are milliseconds since 1970-01-01T00:00:00Z. */
export interface ScheduleState {
  readonly format: 1;
  readonly schedule_id: string;
  /** What the jitter depends on besides the nominal time: unique among all schedules of an installation, constant. */
  readonly seed: string;
  /** Grows by one with every change. */
  readonly version: number;
  readonly workflow_name: string;
  readonly workflow_registration_id: string | null;
  readonly deployment_name: string | null;
  readonly created_by: string | null;
  readonly definition: ScheduleDefinition;
  readonly paused: boolean;
  /** Of the last pause or resume. */
  readonly note: string | null;
  /** Scheduled starts left; null = no limit. */
  readonly remaining: number | null;
  /** Nominal times up to here are handled. */
  readonly cursor: number;
  /** Runs that wait for an active one to close, in the order in which they came. */
  readonly buffer: readonly WaitingRun[];
  readonly active: readonly ActiveRun[];
  /** Last started runs, newest last. */
  readonly recent: readonly RecentRun[];
  readonly counters: Counters;
  /** Number of the last manual run; their execution ids carry it. */
  readonly manual_runs: number;
  /** Number of the last log entry. */
  readonly log_entries: number;
  /** The newest entries, newest last. An adapter may keep entries elsewhere and store this empty. */
  readonly log: readonly LogEntry[];
  readonly created_at: number;
  /** Of the last change that somebody asked for: create, update, pause, resume. */
  readonly updated_at: number;
}

export interface Occurrence {
  /** The time that the spec names; of a manual run the time of the request, of a backfilled run the time made up for. */
  readonly nominal: number;
  /** Nominal + jitter. */
  readonly actual: number;
  /** Number of a manual run (trigger or backfill); null = by the spec. */
  readonly manual: number | null;
}

export interface WaitingRun extends Occurrence {
  /** Overrides the schedule's policy. */
  readonly overlap: OverlapPolicy | null;
  /** It waited at least once, which is logged. */
  readonly waited: boolean;
  /** It has asked the active runs to stop. */
  readonly asked: boolean;
}

/** Its execution id is `executionIdOf(schedule_id, run)`, not stored: there may be a thousand of them in the item. */
export interface ActiveRun extends Occurrence {
  /** Id of the execution's first run, if whoever started it said so. */
  readonly run: string | null;
  readonly started_at: number | null;
  /** It took one of `remaining`, which it gives back if its start is refused. */
  readonly slot: boolean;
  /** The start, while no result is known; null: it runs. */
  readonly starting: Attempts | null;
  readonly stop: (Attempts & { readonly kind: StopKind; readonly confirmed: boolean }) | null;
}

export type StopKind = "cancel" | "terminate";

export interface Attempts {
  readonly tries: number;
  /** When it is performed again unless a result is known. */
  readonly again_at: number;
}

export interface RecentRun {
  /** The actual time. */
  readonly scheduled_at: number;
  readonly started_at: number;
  readonly execution_id: string;
}

export interface Counters {
  /** Runs started, manual ones included. */
  readonly started: number;
  readonly overlap_skipped: number;
  /** At least: times passed over at once (log entries with `until`) are not counted. */
  readonly missed_catchup_window: number;
  /** At least, as above. */
  readonly buffer_dropped: number;
  readonly refused: number;
}

/** What became of a due time. */
export type Outcome =
  | "started"
  /** Waits for an active run to close; a later entry says what became of it. */
  | "buffered"
  | "skipped_overlap"
  /** A newer run under CANCEL_OTHER or TERMINATE_OTHER took its place. */
  | "superseded"
  /** Noticed later than the catch-up window allows. */
  | "missed_catchup"
  | "buffer_full"
  | "paused"
  /** `max_executions` were started. */
  | "exhausted"
  /** The start was refused for good; `reason` says why. */
  | "refused"
  /** An execution with its id exists that this schedule did not start. */
  | "duplicate";

export interface LogEntry {
  /** 1, 2, 3… for each schedule. */
  readonly seq: number;
  /** When it was decided. */
  readonly at: number;
  readonly nominal: number;
  readonly actual: number;
  /** Number of a manual run; null = by the spec. With `nominal` it gives the execution's id, see `executionIdOf`. */
  readonly manual: number | null;
  readonly outcome: Outcome;
  readonly reason?: string;
  /** All due times from `nominal` to here, not counted. */
  readonly until?: number;
}

/** To be performed after the state is stored; performing one twice must be harmless. */
export type Effect = StartEffect | StopEffect;

export interface StartEffect {
  readonly kind: "start";
  /** Start token: the same key is the same start. Distinct for a schedule that was deleted and created again. */
  readonly key: string;
  readonly execution_id: string;
  readonly schedule_id: string;
  readonly workflow_name: string;
  readonly workflow_registration_id: string | null;
  readonly deployment_name: string | null;
  readonly input: unknown;
  readonly nominal: number;
  readonly actual: number;
  readonly manual: boolean;
}

export interface StopEffect {
  readonly kind: StopKind;
  readonly key: string;
  readonly execution_id: string;
  readonly schedule_id: string;
  readonly reason: string;
}

export interface Decision {
  readonly state: ScheduleState;
  readonly effects: readonly Effect[];
  /** New entries. */
  readonly log: readonly LogEntry[];
  /** When `wake` is to be called next, at the latest; undefined: something else has to happen first. */
  readonly wakeAt: number | undefined;
  /** False: `state` is the one given and there is nothing to store. */
  readonly changed: boolean;
}
