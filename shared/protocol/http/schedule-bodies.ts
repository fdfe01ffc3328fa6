/**
 * The bodies of requests that carry the definition of a schedule, for the OpenAPI document and for types. No function loads
 * them to read a request: `shared/schedule/rules` reads definitions, because it knows what is allowed where and says so.
 */
import * as z from "zod";
import { ScheduleId } from "../ids.ts";
import { DEFAULT_CATCHUP_SECONDS, MAX_CALENDAR_RANGES, MAX_CRON_CHARACTERS, MAX_SCHEDULE_PARTS } from "../limits.ts";
import { OverlapSchema } from "../overlap.ts";
import { Json } from "./fields.ts";
import { SchedulePreviewRead, WorkflowScheduleRead, WorkflowScheduleUpdateRead } from "./schedules.ts";

/** Inclusive. Clients always send the zeros: an `end` of 0 below `start` means `start`, a `step` of 0 means 1. */
export const ScheduleRange = z
  .object({ start: z.int(), end: z.int().default(0), step: z.int().default(0) })
  .meta({ id: "ScheduleRange" });

const ranges = z.array(ScheduleRange).max(MAX_CALENDAR_RANGES).optional();
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
  overlap: OverlapSchema,
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
  calendars: z.array(ScheduleCalendar).max(MAX_SCHEDULE_PARTS),
  intervals: z.array(ScheduleInterval).max(MAX_SCHEDULE_PARTS),
  cron_expressions: z.array(z.string().max(MAX_CRON_CHARACTERS)).max(MAX_SCHEDULE_PARTS),
  skip: z.array(ScheduleCalendar).max(MAX_SCHEDULE_PARTS),
};
const DateTime = z.iso.datetime({ offset: true, local: true });
const window = {
  start_at: DateTime.nullish(),
  end_at: DateTime.nullish(),
  jitter: z.string().nullish(),
  time_zone_name: z.string().nullish(),
};
const maxExecutions = z.int().min(1).nullish();

/** In a request, null is the same as an omitted key. */
const times = {
  calendars: spec.calendars.nullable().default([]),
  intervals: spec.intervals.nullable().default([]),
  cron_expressions: spec.cron_expressions.nullable().default([]),
  skip: spec.skip.nullable().default([]),
  ...window,
};
const clearable = {
  calendars: spec.calendars.nullable(),
  intervals: spec.intervals.nullable(),
  cron_expressions: spec.cron_expressions.nullable(),
  skip: spec.skip.nullable(),
};
export const ScheduleDefinition = z
  .object({
    input: Json,
    ...times,
    policy: SchedulePolicy.nullable().prefault({}),
    max_executions: maxExecutions,
    schedule_id: ScheduleId.nullish(),
  })
  .meta({ id: "ScheduleDefinition" });
export type ScheduleDefinition = z.infer<typeof ScheduleDefinition>;

/** Only keys that are present change something: a list replaces the whole list, `null` clears. */
export const PartialScheduleDefinition = z
  .object({
    input: Json,
    ...clearable,
    ...window,
    policy: z.object(policy).partial().nullable(),
    max_executions: maxExecutions,
  })
  .partial()
  .meta({ id: "PartialScheduleDefinition" });
export type PartialScheduleDefinition = z.infer<typeof PartialScheduleDefinition>;

/** By operation. */
export const DEFINITION_BODIES: Readonly<Record<string, z.ZodType>> = {
  scheduleWorkflow: z
    .object({ ...WorkflowScheduleRead.shape, schedule: ScheduleDefinition })
    .meta({ id: "WorkflowScheduleRequest" }),
  updateSchedule: z
    .object({ ...WorkflowScheduleUpdateRead.shape, schedule: PartialScheduleDefinition })
    .meta({ id: "WorkflowScheduleUpdateRequest" }),
  previewSchedule: z
    .strictObject({
      ...SchedulePreviewRead.shape,
      schedule: ScheduleDefinition.extend({ input: Json.optional() }).meta({ id: "SchedulePreviewDefinition" }),
    })
    .meta({ id: "SchedulePreviewRequest" }),
};
