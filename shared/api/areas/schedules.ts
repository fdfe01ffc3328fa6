/** Operations on schedules. */
import { lazy } from "../../lib/lazy.ts";
import { SCHEDULE_ROWS } from "../../protocol/routes/schedules.ts";
import type { HandlersOf, RouteModule } from "../route-module.ts";
import { createSchedule, deleteSchedule, getSchedule, listSchedules, scheduleLog } from "../schedules.ts";

/** Operations that are rare: their code is loaded at the first use. */
const load = {
  explain: lazy(() => import("../explain/schedule.ts")),
  upcoming: lazy(() => import("../explain/upcoming.ts")),
  changes: lazy(() => import("../schedule-changes.ts")),
  preview: lazy(() => import("../schedule-preview.ts")),
};

const handlers: HandlersOf<"schedules"> = {
  getSchedules: (context, { query }) => listSchedules(context, query),
  scheduleWorkflow: (context, { body }) => createSchedule(context, body),
  listUpcomingTimes: async (context, { query }) => (await load.upcoming()).upcomingTimes(context, query),
  explainSchedule: async (context, { params }) => (await load.explain()).explainSchedule(context, params.schedule_id),
  getSchedule: (context, { params }) => getSchedule(context, params.schedule_id),
  updateSchedule: async (context, { params, body }) =>
    (await load.changes()).updateSchedule(context, params.schedule_id, body),
  unscheduleWorkflow: (context, { params }) => deleteSchedule(context, params.schedule_id),
  pauseSchedule: async (context, { params, body }) =>
    (await load.changes()).pauseSchedule(context, params.schedule_id, body),
  resumeSchedule: async (context, { params, body }) =>
    (await load.changes()).resumeSchedule(context, params.schedule_id, body),
  triggerSchedule: async (context, { params, body }) =>
    (await load.changes()).triggerSchedule(context, params.schedule_id, body),
  previewSchedule: async (context, { body }) => (await load.preview()).previewSchedule(context, body),
  backfillSchedule: async (context, { params, body }) =>
    (await load.changes()).backfillSchedule(context, params.schedule_id, body),
  getScheduleLog: (context, { params, query }) => scheduleLog(context, params.schedule_id, query),
};

export const SCHEDULES: RouteModule = { routes: SCHEDULE_ROWS, handlers };
