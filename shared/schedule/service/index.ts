/** Schedules as a service over the ports: what `shared/schedule` decides is stored and done here. */

export { type Changed, change, create, type Decide } from "./change.ts";
export { readLog } from "./log.ts";
export { ScheduleTimer } from "./timer.ts";
export { recover, scheduleClosed, wakeSchedule } from "./wake.ts";
