/** The shape of a schedule's definition. `validate.ts` checks the values and their combinations. */
import * as z from "zod";
import { OverlapSchema } from "../../protocol/overlap.ts";

/** The policy for a run that comes due while another is active. */
export const Overlap = {
  /** Drop the new run. The default. */
  SKIP: 1,
  /** Keep one waiting run, drop later ones. */
  BUFFER_ONE: 2,
  /** Keep every run. */
  BUFFER_ALL: 3,
  /** Ask the active runs to cancel; the newest waiting run starts once they have closed. */
  CANCEL_OTHER: 4,
  /** Terminate the active runs; the newest waiting run starts once they have closed. */
  TERMINATE_OTHER: 5,
  /** Start at once, even if others are active. */
  ALLOW_ALL: 6,
} as const;
export type OverlapPolicy = (typeof Overlap)[keyof typeof Overlap];

const RangeSchema = z.object({ start: z.int(), end: z.int().default(0), step: z.int().default(0) });
const FieldSchema = z.array(RangeSchema).optional();

const CalendarSchema = z.object({
  second: FieldSchema,
  minute: FieldSchema,
  hour: FieldSchema,
  day_of_month: FieldSchema,
  month: FieldSchema,
  year: FieldSchema,
  day_of_week: FieldSchema,
  comment: z.string().nullable().default(null),
});
export type Calendar = z.infer<typeof CalendarSchema>;

const IntervalSchema = z.object({ every: z.string(), offset: z.string().nullable().default(null) });

const PolicySchema = z.object({
  overlap: OverlapSchema.optional(),
  catchup_window_seconds: z.int().optional(),
  pause_on_failure: z.boolean().optional(),
});

/** Lists and nullable fields may be null, which means the same as leaving them out; unknown keys are ignored. */
export const DefinitionSchema = z.object({
  input: z.unknown().optional(),
  calendars: z.array(CalendarSchema).nullable().optional(),
  intervals: z.array(IntervalSchema).nullable().optional(),
  cron_expressions: z.array(z.string()).nullable().optional(),
  skip: z.array(CalendarSchema).nullable().optional(),
  start_at: z.string().nullable().optional(),
  end_at: z.string().nullable().optional(),
  jitter: z.string().nullable().optional(),
  time_zone_name: z.string().nullable().optional(),
  policy: PolicySchema.nullable().optional(),
  max_executions: z.int().nullable().optional(),
  schedule_id: z.string().nullable().optional(),
});
export type DefinitionShape = z.output<typeof DefinitionSchema>;

/** A valid definition with its defaults filled in, as a schedule keeps it. JSON. */
export interface ScheduleDefinition {
  readonly input: unknown;
  readonly calendars: readonly Calendar[];
  readonly intervals: readonly z.infer<typeof IntervalSchema>[];
  readonly cron_expressions: readonly string[];
  readonly skip: readonly Calendar[];
  /** UTC date-times. */
  readonly start_at: string | null;
  readonly end_at: string | null;
  readonly jitter: string | null;
  readonly time_zone_name: string | null;
  readonly policy: {
    readonly overlap: OverlapPolicy;
    /** 10 and more. */
    readonly catchup_window_seconds: number;
    readonly pause_on_failure: boolean;
  };
  /** As last set. The schedule's `remaining` counts down from it. */
  readonly max_executions: number | null;
}

/** Smaller windows are raised to this, because a wake-up may be so late in normal operation. */
export const MIN_CATCHUP_SECONDS = 10;
