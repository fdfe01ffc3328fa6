/**
 * Schedules: rules that start executions. The definitions in requests are any JSON here: `shared/schedule/rules` reads them, and
 * `schedule-bodies.ts` describes them.
 */
import * as z from "zod";
import { ScheduleId } from "../ids.ts";
import { DEFAULT_PREVIEW_TIMES, MAX_NOTE_BYTES, MAX_PAGE, MAX_PREVIEW_TIMES } from "../limits.ts";
import { OverlapSchema } from "../overlap.ts";
import { lines } from "../text.ts";
import { Cursor, Instant, Json, pageSize, Timestamp } from "./fields.ts";

export const Overlap = OverlapSchema;
export type Overlap = z.infer<typeof Overlap>;

/**
 * The workflow: `workflow_identifier` (name or id) or `workflow_registration_id`, of which `workflow_version_id` is an
 * older name. `workflow_task_queue` is an older name of `deployment_name`. The id may be in the request or in `schedule`.
 */
export const WorkflowScheduleRead = z
  .object({
    schedule: Json,
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
  });
/** `deployment_name`, which only Sirocco has, moves the schedule to another deployment of its workflow. */
export const WorkflowScheduleUpdateRead = z.object({ schedule: Json, deployment_name: z.string().nullish() });

const Note = lines().refine(
  (note) => new TextEncoder().encode(note).length <= MAX_NOTE_BYTES,
  `at most ${MAX_NOTE_BYTES} bytes`,
);
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
    policy: z
      .object({ catchup_window_seconds: z.int().min(0), overlap: Overlap, pause_on_failure: z.boolean() })
      .meta({ id: "SchedulePolicyOutput" }),
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
    /** The newest due time that came while it was active and started nothing, however many started since. */
    not_started: z
      .object({
        scheduled_at: Timestamp,
        decided_at: Timestamp,
        outcome: z.enum(SCHEDULE_OUTCOMES),
        reason: z.string().nullable(),
      })
      .nullable(),
    /** Name of the API key that created it. */
    user_id: z.string().nullable(),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "ScheduleDefinitionOutput" });
export type ScheduleDefinitionOutput = z.infer<typeof ScheduleDefinitionOutput>;

/**
 * Without `page_size` a page has 50, or fewer if they are long. A page that was asked for with `page_size` has as many, because
 * clients take a shorter page for the last one. `search` is the start of a name. `not_started_after`: schedules of which the
 * server decided since then that a due time starts nothing.
 */
export const ListSchedulesQuery = z.object({
  workflow_name: z.string().optional(),
  user_id: z.string().optional(),
  status: z.enum(["active", "paused"]).optional(),
  search: z.string().optional(),
  not_started_after: Instant.optional(),
  page_size: z.int().min(1).max(MAX_PAGE).optional(),
  next_page_token: Cursor.optional(),
});
export const WorkflowScheduleListResponse = z
  .object({ schedules: z.array(ScheduleDefinitionOutput), next_page_token: z.string().nullable() })
  .meta({ id: "WorkflowScheduleListResponse" });

/* Beyond the official operations; strict. */

/** The times of a definition that is not stored. `after` (default: now) is exclusive. */
export const SchedulePreviewRead = z.strictObject({
  schedule: Json,
  after: Instant.optional(),
  count: z.int().min(1).max(MAX_PREVIEW_TIMES).default(DEFAULT_PREVIEW_TIMES),
});
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
