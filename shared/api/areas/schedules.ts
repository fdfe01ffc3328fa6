/** Schedules. */
import { SCHEDULE_ROWS } from "../../protocol/routes/schedules.ts";
import type { HandlersOf, Part } from "../handlers.ts";
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

const handlers: HandlersOf<"schedules"> = {
  getSchedules: (call, { query }) => listSchedules(call, query),
  scheduleWorkflow: (call, { body }) => createSchedule(call, body),
  getSchedule: (call, { params }) => getSchedule(call, params.schedule_id),
  updateSchedule: (call, { params, body }) => updateSchedule(call, params.schedule_id, body),
  unscheduleWorkflow: (call, { params }) => deleteSchedule(call, params.schedule_id),
  pauseSchedule: (call, { params, body }) => pauseSchedule(call, params.schedule_id, body),
  resumeSchedule: (call, { params, body }) => resumeSchedule(call, params.schedule_id, body),
  triggerSchedule: (call, { params, body }) => triggerSchedule(call, params.schedule_id, body),
  previewSchedule: (call, { body }) => previewSchedule(call, body),
  backfillSchedule: (call, { params, body }) => backfillSchedule(call, params.schedule_id, body),
  getScheduleLog: (call, { params, query }) => scheduleLog(call, params.schedule_id, query),
};

export const SCHEDULES: Part = { routes: SCHEDULE_ROWS, handlers };
