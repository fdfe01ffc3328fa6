/** Operations on schedules. */
import { lazy } from "../../lib/lazy.ts";
import { SCHEDULE_ROWS } from "../../protocol/routes/schedules.ts";
import type { HandlersOf, RouteModule } from "../route-module.ts";
import {
  backfillSchedule,
  createSchedule,
  deleteSchedule,
  getSchedule,
  listSchedules,
  pauseSchedule,
  previewSchedule,
  resumeSchedule,
  scheduleLog,
  triggerSchedule,
  updateSchedule,
} from "../schedules.ts";

/** Operations that are rare: their code is loaded at the first use. */
const load = {
  explain: lazy(() => import("../explain/schedule.ts")),
  upcoming: lazy(() => import("../explain/upcoming.ts")),
};

const handlers: HandlersOf<"schedules"> = {
  getSchedules: (context, { query }) => listSchedules(context, query),
  scheduleWorkflow: (context, { body }) => createSchedule(context, body),
  listUpcomingTimes: async (context, { query }) => (await load.upcoming()).upcomingTimes(context, query),
  explainSchedule: async (context, { params }) => (await load.explain()).explainSchedule(context, params.schedule_id),
  getSchedule: (context, { params }) => getSchedule(context, params.schedule_id),
  updateSchedule: (context, { params, body }) => updateSchedule(context, params.schedule_id, body),
  unscheduleWorkflow: (context, { params }) => deleteSchedule(context, params.schedule_id),
  pauseSchedule: (context, { params, body }) => pauseSchedule(context, params.schedule_id, body),
  resumeSchedule: (context, { params, body }) => resumeSchedule(context, params.schedule_id, body),
  triggerSchedule: (context, { params, body }) => triggerSchedule(context, params.schedule_id, body),
  previewSchedule: (context, { body }) => previewSchedule(context, body),
  backfillSchedule: (context, { params, body }) => backfillSchedule(context, params.schedule_id, body),
  getScheduleLog: (context, { params, query }) => scheduleLog(context, params.schedule_id, query),
};

export const SCHEDULES: RouteModule = { routes: SCHEDULE_ROWS, handlers };
