/** Write and run durable workflows for Sirocco. */

import "./node-check.ts";
import "./determinism/install.ts";

export type { Duration } from "../shared/lib/duration.ts";
export type {
  Activity,
  ActivityConfig,
  ActivityLimits,
  AnyActivity,
  RateLimitOptions,
  RetryOptions,
} from "./activity.ts";
export { activity } from "./activity.ts";
export { SandboxError } from "./determinism/refused.ts";
export type { ChildStatus, MessageRefusal, WorkflowErrorOptions } from "./errors.ts";
export {
  ActivityError,
  CancelledError,
  ChildError,
  InvalidValueError,
  MessageError,
  QueryRefused,
  TimeoutError,
  UsageError,
  WorkflowError,
} from "./errors.ts";
export type { Json } from "./json.ts";
export { log } from "./log.ts";
export type { ActivityContext, ActivityInfo } from "./runtime/activity.ts";
export { UnknownFlagError } from "./runtime/flags.ts";
export type { Log } from "./runtime/log.ts";
export { sleep } from "./runtime/sleep.ts";
export type { WorkerOptions } from "./worker/options.ts";
export { WorkerConfigError } from "./worker/options.ts";
export { ResourceError } from "./worker/resources.ts";
export type { RunningWorker } from "./worker/run.ts";
export { runWorker, startWorker } from "./worker/run.ts";
export type { Resource, Resources } from "./worker/types.ts";
export { BlockedLoopError, NotDurableError } from "./workflow/bugs.ts";
export type { ChildHandle, ChildOptions } from "./workflow/children.ts";
export { child, start } from "./workflow/children.ts";
export type { ExecutionInfo } from "./workflow/commands.ts";
export { cancelSignal, executionInfo, now, random, uncancelled, unsafe, uuid, waitUntil } from "./workflow/commands.ts";
export type { ContinueAsNew } from "./workflow/continue.ts";
export { continueAsNew, historyIsLong } from "./workflow/continue.ts";
export type { AnyWorkflow, Workflow, WorkflowOptions } from "./workflow/define.ts";
export { workflow } from "./workflow/define.ts";
export { DivergenceError } from "./workflow/divergence.ts";
export type { ExternalExecution, MessageOptions, Messages } from "./workflow/external.ts";
export { externalExecution } from "./workflow/external.ts";
export type { Handler, Query, Signal, Update, UpdateHandlerOptions } from "./workflow/handlers.ts";
export { on, query, signal, update } from "./workflow/handlers.ts";
export type { WaitForInputOptions } from "./workflow/human-input.ts";
export { waitForInput } from "./workflow/human-input.ts";
export { onOneWorker } from "./workflow/one-worker.ts";
export type { ParallelOptions } from "./workflow/parallel.ts";
export { parallel, parallelSettled } from "./workflow/parallel.ts";
export { deprecatePatch, patched } from "./workflow/patched.ts";
export type { ScheduleDefinition } from "./workflow/schedules.ts";
export { deleteSearchKeys, setSearchKeys } from "./workflow/search-keys.ts";
export type { TaskHandle } from "./workflow/task.ts";
export { task } from "./workflow/task.ts";
