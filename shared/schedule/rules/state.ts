/**
 * A schedule: one JSON item. The commands of this folder change it, and each change writes it whole, under a condition on
 * `version`.
 *
 * SCHEDULE-1. Every due time is handled once: the write that decides its outcome also moves the cursor over it.
 * SCHEDULE-2. A decided start or stop stays in `active` until its result is known: the entries without a result are the outbox.
 *     If the process dies after the write, another process finds them there and performs them again. So effects must be
 *     idempotent by their key.
 * SCHEDULE-3. An active run, started or starting, overlaps with runs that come due. It leaves `active` when its execution has
 *     closed or turns out to be missing, or when its start was refused or met another execution under its id; never by the
 *     passage of time.
 * SCHEDULE-4. A command that has nothing to do returns the very state that it was given.
 */
import type { OverlapPolicy, ScheduleDefinition } from "./definition.ts";

/** Times are milliseconds since 1970-01-01T00:00:00Z. */
export interface ScheduleState {
  readonly format: 1;
  readonly schedule_id: string;
  /** The jitter follows from it and the nominal time. Unique among the schedules of an installation, and constant. */
  readonly seed: string;
  /** Grows by one with every change. */
  readonly version: number;
  readonly workflow_name: string;
  readonly workflow_registration_id: string | null;
  /** Its workers run every execution of the schedule. */
  readonly deployment_name: string;
  /** Nobody has named the deployment: starts go to the workflow's current deployment while it has one. */
  readonly follows_current?: true;
  readonly created_by: string | null;
  readonly definition: ScheduleDefinition;
  readonly paused: boolean;
  /** Of the last pause or resume. */
  readonly note: string | null;
  /** Scheduled starts left; null = no limit. */
  readonly remaining: number | null;
  /** Due times whose nominal time is at or before the cursor are handled. */
  readonly cursor: number;
  /** Runs that wait for an active one to close, in the order in which they came. */
  readonly buffer: readonly WaitingRun[];
  readonly active: readonly ActiveRun[];
  /** Last started runs, newest last. */
  readonly recent: readonly RecentRun[];
  readonly counters: Counters;
  /** Number of the last manual run. The execution ids of manual runs carry their number. */
  readonly manual_runs: number;
  /** Number of the last log entry. */
  readonly log_entries: number;
  /** The newest entries, newest last. The service moves older ones to the log store. */
  readonly log: readonly LogEntry[];
  /** The newest entry of a due time of the spec that came while the schedule was active and started nothing, however many started since. */
  readonly not_started?: LogEntry;
  readonly created_at: number;
  /** Time of the last create, update, pause or resume. */
  readonly updated_at: number;
}

export interface Occurrence {
  /** The time that the spec names. Of a triggered run: the time of the request. Of a backfilled run: the past time. */
  readonly nominal: number;
  /** Nominal + jitter. */
  readonly actual: number;
  /** Number of a manual run (trigger or backfill); null = by the spec. */
  readonly manual: number | null;
}

export interface WaitingRun extends Occurrence {
  /** Overrides the schedule's policy. */
  readonly overlap: OverlapPolicy | null;
  /** It has waited since an earlier pass, and "buffered" is logged. */
  readonly waited: boolean;
  /** It has asked the active runs to stop. */
  readonly asked: boolean;
}

/** The execution id is not stored but derived (`executionIdOf(schedule_id, run)`), because an item may hold 1000 active runs. */
export interface ActiveRun extends Occurrence {
  /** Id of the execution's first run, if the result of the start named it. */
  readonly run: string | null;
  readonly started_at: number | null;
  /** It took one of `remaining`, and returns it if its start is refused. */
  readonly slot: boolean;
  /** The start, while its result is not known; null: the execution runs. */
  readonly starting: Attempts | null;
  readonly stop: (Attempts & { readonly kind: StopKind; readonly confirmed: boolean }) | null;
}

export type StopKind = "cancel" | "terminate";

export interface Attempts {
  readonly tries: number;
  /** Time of the next attempt if no result is known by then. */
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
  /** A lower bound: times passed over at once (log entries with `until`) are not counted. */
  readonly missed_catchup_window: number;
  /** A lower bound, as above. */
  readonly buffer_dropped: number;
  readonly refused: number;
}

/** The outcome of a due time. */
export type Outcome =
  | "started"
  /** Waits for an active run to close. A later entry gives the final outcome. */
  | "buffered"
  | "skipped_overlap"
  /** A newer run under CANCEL_OTHER or TERMINATE_OTHER replaced it. */
  | "superseded"
  /** Handled later than the catch-up window allows. */
  | "missed_catchup"
  | "buffer_full"
  | "paused"
  /** The schedule had started `max_executions` runs. */
  | "exhausted"
  /** The start was refused and is not tried again; `reason` says why. */
  | "refused"
  /** An execution with its id exists that this schedule did not start. */
  | "duplicate";

export interface LogEntry {
  /** 1, 2, 3… for each schedule. */
  readonly seq: number;
  /** The time of the decision. */
  readonly at: number;
  readonly nominal: number;
  readonly actual: number;
  /** Number of a manual run; null = by the spec. With `nominal` it determines the execution's id (`executionIdOf`). */
  readonly manual: number | null;
  readonly outcome: Outcome;
  readonly reason?: string;
  /** The entry stands for all due times from `nominal` to `until`, whose number is not known. */
  readonly until?: number;
}

/** To be performed after the state is stored. Performing it twice must have the effect of performing it once. */
export type Effect = StartEffect | StopEffect;

export interface StartEffect {
  readonly kind: "start";
  /** Idempotency key of the start. A schedule that was deleted and created again has other keys. */
  readonly key: string;
  readonly execution_id: string;
  readonly schedule_id: string;
  readonly workflow_name: string;
  readonly workflow_registration_id: string | null;
  readonly deployment_name: string;
  readonly follows_current?: true;
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
  /** Latest time of the next `wake`; undefined: only another command can give the schedule something to do. */
  readonly wakeAt: number | undefined;
  /** False: `state` is the one that was given, and there is nothing to store. */
  readonly changed: boolean;
}
