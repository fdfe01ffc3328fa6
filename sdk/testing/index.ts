/** `@sirocco/sdk/testing`: runs workflows under a virtual clock, and replays recorded histories with the present code. */
import "../node-check.ts";
import "../determinism/install.ts";

export type { RecordedHistory } from "../worker/replays.ts";
export { TestRefusal } from "./driver.ts";
export type { TestEnvironment, TestOptions } from "./environment.ts";
export { testEnvironment } from "./environment.ts";
export { TestExecution, TestExecutionFailed, TestWorkflowBug } from "./execution.ts";
export { replay } from "./replay.ts";
export type { Overlap, TestSchedules, TestStart } from "./schedules.ts";
export { TestSchedule } from "./schedules.ts";
