/** Schedules. */
import * as explain from "../http/explain.ts";
import * as schedules from "../http/schedules.ts";
import { empty, json, SCHEDULE, WORKFLOWS } from "./row.ts";

const pause = { body: schedules.SchedulePauseRequest, optionalBody: true };

export const SCHEDULE_ROWS = [
  json("getSchedules", "GET", `${WORKFLOWS}/schedules`, "schedules", {
    query: schedules.ListSchedulesQuery,
    response: schedules.WorkflowScheduleListResponse,
  }),
  json("scheduleWorkflow", "POST", `${WORKFLOWS}/schedules`, "schedules", {
    body: schedules.WorkflowScheduleRead,
    response: schedules.WorkflowScheduleResponse,
    success: 201,
  }),
  json("listUpcomingTimes", "GET", `${WORKFLOWS}/schedules/upcoming`, "schedules", {
    query: explain.UpcomingQuery,
    response: explain.UpcomingResponse,
  }),
  json("explainSchedule", "GET", `${SCHEDULE}/explain`, "schedules", { response: explain.ScheduleExplanation }),
  json("getSchedule", "GET", SCHEDULE, "schedules", { response: schedules.ScheduleDefinitionOutput }),
  json("updateSchedule", "PATCH", SCHEDULE, "schedules", {
    body: schedules.WorkflowScheduleUpdateRead,
    response: schedules.WorkflowScheduleResponse,
  }),
  empty("unscheduleWorkflow", "DELETE", SCHEDULE, "schedules", {}),
  empty("pauseSchedule", "POST", `${SCHEDULE}/pause`, "schedules", pause),
  empty("resumeSchedule", "POST", `${SCHEDULE}/resume`, "schedules", pause),
  empty("triggerSchedule", "POST", `${SCHEDULE}/trigger`, "schedules", {
    body: schedules.ScheduleTriggerRequest,
    optionalBody: true,
  }),
  json("previewSchedule", "POST", `${WORKFLOWS}/schedules/preview`, "schedules", {
    body: schedules.SchedulePreviewRead,
    response: schedules.SchedulePreviewResponse,
  }),
  json("backfillSchedule", "POST", `${SCHEDULE}/backfill`, "schedules", {
    body: schedules.ScheduleBackfillRequest,
    response: schedules.ScheduleBackfillResponse,
    success: 202,
  }),
  json("getScheduleLog", "GET", `${SCHEDULE}/log`, "schedules", {
    query: schedules.ScheduleLogQuery,
    response: schedules.ScheduleLogResponse,
  }),
] as const;
