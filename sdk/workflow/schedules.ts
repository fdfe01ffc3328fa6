/** The schedules that a workflow may declare in code, in the form of the API. */
import type * as z from "zod";
import type { ScheduleDefinition as Wire } from "../../shared/protocol/http/schedule-bodies.ts";

/**
 * The times at which executions start, their input and policy, with the field names of the API: `cron_expressions`,
 * `intervals`, `calendars`, `skip`, `start_at`, `end_at`, `jitter`, `time_zone_name`, `policy`, `max_executions`.
 */
export type ScheduleDefinition = z.input<typeof Wire>;
