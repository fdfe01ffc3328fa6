/** `@sirocco/sdk/testing`: workflows under a virtual clock, and recorded histories against today's code. */
export type { TestEnvironment, TestOptions } from "./environment.ts";
export { testEnvironment } from "./environment.ts";
export { TestExecution, TestExecutionFailed, TestRefusal } from "./execution.ts";
export type { RecordedHistory } from "./replay.ts";
export { replay } from "./replay.ts";
export type { Overlap, TestSchedules, TestStart } from "./schedules.ts";
export { TestSchedule } from "./schedules.ts";
