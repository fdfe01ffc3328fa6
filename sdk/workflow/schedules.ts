/** Schedules as the API takes them. */
import type * as z from "zod";
import type { ScheduleDefinition as Wire } from "../../shared/protocol/http/schedules.ts";

/**
 * When to start executions, with which input and under which policy, in the API's own words: `cron_expressions`,
 * `intervals`, `calendars`, `skip`, `start_at`, `end_at`, `jitter`, `time_zone_name`, `policy`, `max_executions`.
 */
export type ScheduleDefinition = z.input<typeof Wire>;
