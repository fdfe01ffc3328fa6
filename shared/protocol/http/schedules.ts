/**
 * Schedules: rules that start executions. These schemas check shapes only. `shared/schedule` checks calendars, cron
 * expressions, durations and time zones.
 */
import * as z from "zod";
import { ScheduleId } from "../ids.ts";
import {
  DEFAULT_CATCHUP_SECONDS,
  DEFAULT_PREVIEW_TIMES,
  MAX_NOTE_BYTES,
  MAX_PAGE,
  MAX_PREVIEW_TIMES,
} from "../limits.ts";
import { Cursor, Instant, Json, pageSize, Timestamp } from "./fields.ts";

/** 1 skip, 2 buffer one, 3 buffer all, 4 cancel other, 5 terminate other, 6 allow all. */
export const Overlap = z.union(
  [1, 2, 3, 4, 5, 6].map((n) => z.literal(n as 1 | 2 | 3 | 4 | 5 | 6)),
  {
    error: "1 skip, 2 buffer one, 3 buffer all, 4 cancel other, 5 terminate other, 6 allow all",
  },
);
export type Overlap = z.infer<typeof Overlap>;

/** Inclusive. Clients always send the zeros: an `end` of 0 below `start` means `start`, a `step` of 0 means 1. */
export const ScheduleRange = z
  .object({ start: z.int(), end: z.int().default(0), step: z.int().default(0) })
  .meta({ id: "ScheduleRange" });

const ranges = z.array(ScheduleRange).optional();
/** A time must match every field. An omitted field has its own default; an empty list matches nothing. */
export const ScheduleCalendar = z
  .object({
    second: ranges,
    minute: ranges,
    hour: ranges,
    day_of_month: ranges,
    month: ranges,
    year: ranges,
    day_of_week: ranges,
    comment: z.string().nullish(),
  })
  .meta({ id: "ScheduleCalendar" });
export type ScheduleCalendar = z.infer<typeof ScheduleCalendar>;

/** ISO 8601 durations, counted from the epoch, not from the creation of the schedule. */
export const ScheduleInterval = z
  .object({ every: z.string(), offset: z.string().nullish() })
  .meta({ id: "ScheduleInterval" });

const policy = {
  catchup_window_seconds: z.int().min(0),
  overlap: Overlap,
  pause_on_failure: z.boolean(),
};
export const SchedulePolicy = z
  .object({
    catchup_window_seconds: policy.catchup_window_seconds.default(DEFAULT_CATCHUP_SECONDS),
    overlap: policy.overlap.default(1),
    pause_on_failure: policy.pause_on_failure.default(false),
  })
  .meta({ id: "SchedulePolicy" });
export type SchedulePolicy = z.infer<typeof SchedulePolicy>;

/** The times of a schedule: the union of calendars, intervals and cron expressions without `skip`, from start to end. */
const spec = {
  calendars: z.array(ScheduleCalendar),
  intervals: z.array(ScheduleInterval),
  cron_expressions: z.array(z.string()),
  skip: z.array(ScheduleCalendar),
};
const window = {
  start_at: Instant.nullish(),
  end_at: Instant.nullish(),
  jitter: z.string().nullish(),
  time_zone_name: z.string().nullish(),
};
const maxExecutions = z.int().min(1).nullish();

const times = {
  calendars: spec.calendars.default([]),
  intervals: spec.intervals.default([]),
  cron_expressions: spec.cron_expressions.default([]),
  skip: spec.skip.default([]),
  ...window,
};
export const ScheduleDefinition = z
  .object({
    input: Json,
    ...times,
    policy: SchedulePolicy.prefault({}),
    max_executions: maxExecutions,
    schedule_id: ScheduleId.nullish(),
  })
  .meta({ id: "ScheduleDefinition" });
export type ScheduleDefinition = z.infer<typeof ScheduleDefinition>;

/** Only keys that are present change something: a list replaces the whole list, `null` clears. */
export const PartialScheduleDefinition = z
  .object({ input: Json, ...spec, ...window, policy: z.object(policy).partial(), max_executions: maxExecutions })
  .partial()
  .meta({ id: "PartialScheduleDefinition" });
export type PartialScheduleDefinition = z.infer<typeof PartialScheduleDefinition>;

/**
 * The workflow: `workflow_identifier` (name or id) or `workflow_registration_id`, of which `workflow_version_id` is an
 * older name. `workflow_task_queue` is an older name of `deployment_name`. The id may be in the request or in `schedule`.
 */
export const WorkflowScheduleRequest = z
  .object({
    schedule: ScheduleDefinition,
    workflow_identifier: z.string().nullish(),
    workflow_registration_id: z.string().nullish(),
    workflow_version_id: z.string().nullish(),
    workflow_task_queue: z.string().nullish(),
    deployment_name: z.string().nullish(),
    schedule_id: ScheduleId.nullish(),
  })
  .superRefine((body, ctx) => {
    const registration = body.workflow_registration_id ?? body.workflow_version_id;
    if ((body.workflow_identifier == null) === (registration == null)) {
      const message = "exactly one of workflow_identifier and workflow_registration_id must be given";
      ctx.addIssue({ code: "custom", path: ["workflow_identifier"], message });
    }
    const inner = body.schedule.schedule_id;
    if (body.schedule_id != null && inner != null && body.schedule_id !== inner) {
      const message = `differs from schedule.schedule_id, which is '${inner}'`;
      ctx.addIssue({ code: "custom", path: ["schedule_id"], message });
    }
  })
  .meta({ id: "WorkflowScheduleRequest" });

export const WorkflowScheduleUpdateRequest = z
  .object({ schedule: PartialScheduleDefinition })
  .meta({ id: "WorkflowScheduleUpdateRequest" });

const Note = z
  .string()
  .refine((note) => new TextEncoder().encode(note).length <= MAX_NOTE_BYTES, `at most ${MAX_NOTE_BYTES} bytes`);
export const SchedulePauseRequest = z.object({ note: Note.nullish() }).meta({ id: "WorkflowSchedulePauseRequest" });
export const ScheduleTriggerRequest = z
  .object({ overlap: Overlap.nullish() })
  .meta({ id: "WorkflowScheduleTriggerRequest" });

export const WorkflowScheduleResponse = z.object({ schedule_id: z.string() }).meta({ id: "WorkflowScheduleResponse" });

const out = { ranges: z.array(z.object({ start: z.int(), end: z.int(), step: z.int() })).optional() };
/** As in the request: an omitted field stays omitted, because an empty list matches nothing. */
const CalendarOutput = z
  .object({
    second: out.ranges,
    minute: out.ranges,
    hour: out.ranges,
    day_of_month: out.ranges,
    month: out.ranges,
    year: out.ranges,
    day_of_week: out.ranges,
    comment: z.string().nullable(),
  })
  .meta({ id: "ScheduleCalendarOutput" });

const at = z.object({ scheduled_at: Timestamp });

/**
 * `remaining_executions`: null = unlimited, 0 = exhausted. The next 10 and the last 10 times, oldest first. The fields
 * after `recent_executions` are ours; official clients ignore them.
 */
export const ScheduleDefinitionOutput = z
  .object({
    schedule_id: z.string(),
    workflow_name: z.string(),
    deployment_name: z.string().nullable(),
    input: Json,
    calendars: z.array(CalendarOutput),
    intervals: z.array(z.object({ every: z.string(), offset: z.string().nullable() })),
    cron_expressions: z.array(z.string()),
    skip: z.array(CalendarOutput),
    start_at: Timestamp.nullable(),
    end_at: Timestamp.nullable(),
    jitter: z.string().nullable(),
    time_zone_name: z.string().nullable(),
    policy: z.object(policy).meta({ id: "SchedulePolicyOutput" }),
    remaining_executions: z.int().min(0).nullable(),
    paused: z.boolean(),
    note: z.string().nullable(),
    future_executions: z.array(at),
    recent_executions: z.array(z.object({ scheduled_at: Timestamp, started_at: Timestamp, execution_id: z.string() })),

    /** Next times that `skip` removes, at most 10, up to the last of `future_executions`. */
    skipped_executions: z.array(at),
    running_executions: z.array(
      z.object({
        execution_id: z.string(),
        scheduled_at: Timestamp,
        started_at: Timestamp.nullable(),
        status: z.enum(["starting", "running", "cancelling", "terminating"]),
      }),
    ),
    /** Runs that wait for a running one to close. */
    waiting_executions: z.array(z.object({ scheduled_at: Timestamp, manual: z.boolean() })),
    counters: z.object({
      started: z.int(),
      overlap_skipped: z.int(),
      missed_catchup_window: z.int(),
      buffer_dropped: z.int(),
      refused: z.int(),
    }),
    /** Name of the API key that created it. */
    user_id: z.string().nullable(),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "ScheduleDefinitionOutput" });
export type ScheduleDefinitionOutput = z.infer<typeof ScheduleDefinitionOutput>;

/** Without `page_size` one answer holds all schedules, as older clients expect. `search` is the start of a name. */
export const ListSchedulesQuery = z.object({
  workflow_name: z.string().optional(),
  user_id: z.string().optional(),
  status: z.enum(["active", "paused"]).optional(),
  search: z.string().optional(),
  page_size: z.int().min(1).max(MAX_PAGE).optional(),
  next_page_token: Cursor.optional(),
});
export const WorkflowScheduleListResponse = z
  .object({ schedules: z.array(ScheduleDefinitionOutput), next_page_token: z.string().nullable() })
  .meta({ id: "WorkflowScheduleListResponse" });

/* Beyond the official operations; strict. */

/** The times of a definition that is not stored. `after` (default: now) is exclusive. */
export const SchedulePreviewRequest = z
  .strictObject({
    schedule: ScheduleDefinition.extend({ input: Json.optional() }).meta({ id: "SchedulePreviewDefinition" }),
    after: Instant.optional(),
    count: z.int().min(1).max(MAX_PREVIEW_TIMES).default(DEFAULT_PREVIEW_TIMES),
  })
  .meta({ id: "SchedulePreviewRequest" });
/** `windows`, with jitter only: when the run of each time starts. `exhausted`: no time follows the last one listed. */
export const SchedulePreviewResponse = z
  .object({
    times: z.array(Timestamp),
    windows: z.array(z.object({ not_before: Timestamp, before: Timestamp })).optional(),
    exhausted: z.boolean(),
  })
  .meta({ id: "SchedulePreviewResponse" });

/** Triggers the schedule for every time from `start_at` to `end_at`, both inclusive. */
export const ScheduleBackfillRequest = z
  .strictObject({ start_at: Instant, end_at: Instant, overlap: Overlap.nullish() })
  .refine((body) => body.start_at <= body.end_at, { path: ["end_at"], error: "lies before start_at" })
  .meta({ id: "ScheduleBackfillRequest" });
/** The number of times in the range. The overlap policy decides about each, and the log has the outcome. */
export const ScheduleBackfillResponse = z.object({ accepted: z.int().min(0) }).meta({ id: "ScheduleBackfillResponse" });

export const SCHEDULE_OUTCOMES = [
  "started",
  "buffered",
  "skipped_overlap",
  "superseded",
  "missed_catchup",
  "buffer_full",
  "paused",
  "exhausted",
  "refused",
  "duplicate",
] as const;

/** The outcome of one due time or, with `until`, of all due times from this one to `until`. */
export const ScheduleLogEntry = z
  .object({
    /** 1, 2, 3… for each schedule. */
    seq: z.int().min(1),
    /** The time by the spec; of a trigger the time of the request, of a backfill the time that it repeats. */
    nominal_at: Timestamp,
    /** `nominal_at` plus jitter. */
    scheduled_at: Timestamp,
    decided_at: Timestamp,
    outcome: z.enum(SCHEDULE_OUTCOMES),
    manual: z.boolean(),
    /** Of `started`, `refused` and `duplicate`. */
    execution_id: z.string().nullable(),
    reason: z.string().nullable(),
    until: Timestamp.nullable(),
  })
  .meta({ id: "ScheduleLogEntry" });
export type ScheduleLogEntry = z.infer<typeof ScheduleLogEntry>;

/** Newest first. */
export const ScheduleLogQuery = z.strictObject({ limit: pageSize(), cursor: Cursor.optional() });
export const ScheduleLogResponse = z
  .object({ entries: z.array(ScheduleLogEntry), next_cursor: z.string().nullable() })
  .meta({ id: "ScheduleLogResponse" });
