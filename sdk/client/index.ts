/**
 * `@sirocco/sdk/client`: starts executions and talks to them, with the types of their workflows. For Node and browsers: no module of
 * Node is imported here.
 */

export type { PublicEvent } from "../../shared/protocol/http/event-types.ts";
export {
  ActivityError,
  CancelledError,
  ChildError,
  InvalidValueError,
  TimeoutError,
  WorkflowError,
} from "../errors.ts";
export { type Client, type ClientOptions, createClient, type StartOptions } from "./client.ts";
export { ApiError, ExecutionError } from "./errors.ts";
export type { CallOptions, Description, Execution, Progress } from "./execution.ts";
export type { OpenTelemetry } from "./tracing.ts";
export { type Named, named, type QueryRef, type SignalRef, type UpdateRef, type WorkflowRef } from "./types.ts";
