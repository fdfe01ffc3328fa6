/** Schedules as the API shows them. */
import type { UnreadableSchedule } from "../ports.ts";
import type { ScheduleDefinitionOutput } from "../protocol/http/schedules.ts";
import { DEFAULT_CATCHUP_SECONDS } from "../protocol/limits.ts";
import { describe, formatInstant, type ScheduleDescription, type ScheduleState } from "../schedule/rules/index.ts";

type Calendar = ScheduleDescription["calendars"][number];
type CalendarView = ScheduleDefinitionOutput["calendars"][number];
const FIELDS = ["second", "minute", "hour", "day_of_month", "month", "year", "day_of_week"] as const;

/** The calendar as it was given: omitted fields stay omitted; 0 for `end` or `step` means the same as in a request. */
function calendarView(calendar: Calendar): CalendarView {
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

/** A schedule that cannot be read, as far as it is known, so that its owner sees it and can delete it. */
export function unreadableView({ schedule_id, createdAt, message }: UnreadableSchedule): ScheduleDefinitionOutput {
  const created = formatInstant(createdAt);
  return {
    schedule_id,
    workflow_name: "",
    deployment_name: null,
    input: null,
    calendars: [],
    intervals: [],
    cron_expressions: [],
    skip: [],
    start_at: null,
    end_at: null,
    jitter: null,
    time_zone_name: null,
    policy: { catchup_window_seconds: DEFAULT_CATCHUP_SECONDS, overlap: 1, pause_on_failure: false },
    remaining_executions: null,
    paused: true,
    note: unreadableText(message),
    future_executions: [],
    recent_executions: [],
    skipped_executions: [],
    running_executions: [],
    waiting_executions: [],
    counters: { started: 0, overlap_skipped: 0, missed_catchup_window: 0, buffer_dropped: 0, refused: 0 },
    not_started: null,
    user_id: null,
    created_at: created,
    updated_at: created,
  };
}

export const unreadableText = (problem: string): string =>
  `The stored schedule cannot be read (${problem}) and starts nothing. Delete it and create it again.`;
