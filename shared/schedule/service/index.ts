/** Schedules as a service over the ports: commits what the rules decide, and performs it. */

export { readLog } from "./log.ts";
export { ScheduleTimer } from "./timer.ts";
export { type Changed, change, create, type Decide } from "./transaction.ts";
export { nameSetAside, recover, scheduleClosed, wakeSchedule } from "./wake.ts";
