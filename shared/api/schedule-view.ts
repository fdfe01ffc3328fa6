/** Converts schedules between the API, where points of time are numbers, and the schedule rules, where they are texts. */
import type {
  PartialScheduleDefinition,
  ScheduleCalendar,
  ScheduleDefinition,
  ScheduleDefinitionOutput,
  ScheduleLogEntry,
} from "../protocol/http/schedules.ts";
import {
  describe,
  executionIdOf,
  formatInstant,
  type LogEntry,
  type ScheduleDescription,
  type ScheduleState,
} from "../schedule/rules/index.ts";

type Times = { readonly start_at?: number | null | undefined; readonly end_at?: number | null | undefined };

/** Writes `start_at` and `end_at` as texts; absent keys stay absent. */
function withTexts<T extends Times>(given: T): Omit<T, "start_at" | "end_at"> & Record<string, unknown> {
  const { start_at, end_at, ...rest } = given;
  const text = (at: number | null) => (at === null ? null : formatInstant(at));
  return {
    ...rest,
    ...(start_at !== undefined && { start_at: text(start_at) }),
    ...(end_at !== undefined && { end_at: text(end_at) }),
  };
}

/** A definition in the form that `validateSpec` reads; not validated yet. */
export const definitionOf = (given: Omit<ScheduleDefinition, "input"> & { input?: unknown }) => withTexts(given);
export const partialOf = (given: PartialScheduleDefinition) => withTexts(given);

type Calendar = ScheduleDescription["calendars"][number];
type CalendarView = ScheduleDefinitionOutput["calendars"][number];
const FIELDS = ["second", "minute", "hour", "day_of_month", "month", "year", "day_of_week"] as const;

/** The calendar as it was given: omitted fields stay omitted; 0 for `end` or `step` means the same as in a request. */
function calendarView(calendar: Calendar | ScheduleCalendar): CalendarView {
  const view: CalendarView = { comment: calendar.comment ?? null };
  for (const field of FIELDS) {
    const ranges = calendar[field];
    if (ranges) view[field] = ranges.map(({ start, end = 0, step = 0 }) => ({ start, end, step }));
  }
  return view;
}

export function scheduleView(state: ScheduleState, now: number): ScheduleDefinitionOutput {
  const shown = describe(state, now);
  return {
    ...shown,
    input: shown.input ?? null,
    calendars: shown.calendars.map(calendarView),
    skip: shown.skip.map(calendarView),
    intervals: shown.intervals.map(({ every, offset }) => ({ every, offset: offset ?? null })),
    cron_expressions: [...shown.cron_expressions],
    future_executions: [...shown.future_executions],
    recent_executions: [...shown.recent_executions],
    skipped_executions: [...shown.skipped_executions],
    running_executions: [...shown.running_executions],
    waiting_executions: [...shown.waiting_executions],
    user_id: state.created_by,
  };
}

const WITH_EXECUTION: ReadonlySet<LogEntry["outcome"]> = new Set(["started", "refused", "duplicate"]);

export function logEntryView(schedule: string, entry: LogEntry): ScheduleLogEntry {
  return {
    seq: entry.seq,
    nominal_at: formatInstant(entry.nominal),
    scheduled_at: formatInstant(entry.actual),
    decided_at: formatInstant(entry.at),
    outcome: entry.outcome,
    manual: entry.manual !== null,
    execution_id: WITH_EXECUTION.has(entry.outcome) ? executionIdOf(schedule, entry) : null,
    reason: entry.reason ?? null,
    until: entry.until === undefined ? null : formatInstant(entry.until),
  };
}
