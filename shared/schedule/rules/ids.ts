/** Ids of schedules and of the executions that they start. */
import { compactInstant } from "./civil.ts";
import type { Occurrence } from "./state.ts";

/**
 * `report-20260101T093000Z`: the id follows from the due time, so that starting a due time twice starts one execution. The id of
 * a manual run carries its number, `report-20260101T093000Z-m7`: two manual runs in one second are two executions, and a
 * backfilled run is another execution than the one that the schedule started at that time.
 */
export function executionIdOf(scheduleId: string, { nominal, manual }: Pick<Occurrence, "nominal" | "manual">): string {
  return `${scheduleId}-${compactInstant(nominal)}${manual === null ? "" : `-m${manual}`}`;
}
