/** Ids of schedules and of the executions that they start. */
import { compactInstant } from "./civil.ts";
import type { Occurrence } from "./state.ts";

/**
 * `report-20260101T093000Z`: the same due time is the same execution, so that starting it twice starts it once. Manual runs
 * carry their number, `report-20260101T093000Z-m7`: two in one second are two executions, and a backfilled one is not that
 * which the schedule started at the time.
 */
export function executionIdOf(scheduleId: string, { nominal, manual }: Pick<Occurrence, "nominal" | "manual">): string {
  return `${scheduleId}-${compactInstant(nominal)}${manual === null ? "" : `-m${manual}`}`;
}
