/** One handler for each available row of the routes table; the compiler knows when one is missing. */

import { invalidAt, type Refusal } from "../protocol/errors.ts";
import { LastEventId } from "../protocol/http/events.ts";
import type { AvailableOperation, BodyOf, ParamsOf, QueryOf, ResponseOf, RouteOf } from "../protocol/routes.ts";
import type { Call } from "./call.ts";
import { getDeployment, listDeployments, listWorkers } from "./deployments.ts";
import { listEvents } from "./events.ts";
import { executeRegistration, executeWorkflow } from "./execute.ts";
import { cancelExecution, getExecution, terminateExecution } from "./executions.ts";
import type { Frame } from "./frames.ts";
import { executionHistory, runHistory } from "./history.ts";
import { queryExecution } from "./queries.ts";
import { getRegistration, listRegistrations } from "./registrations.ts";
import { getRun, listRuns } from "./runs.ts";
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
} from "./schedules.ts";
import { signalExecution } from "./signals.ts";
import { streamEvents, streamExecution } from "./streams.ts";
import { workerInfo } from "./system.ts";
import { updateExecution } from "./updates.ts";
import { getWorkflow, listWorkflows } from "./workflows.ts";

export interface Input<Op extends AvailableOperation> {
  readonly params: ParamsOf<Op>;
  readonly query: QueryOf<Op>;
  readonly body: BodyOf<Op>;
  /** The header `Last-Event-ID`. */
  readonly lastEventId: string | undefined;
}

type Result<Op extends AvailableOperation> =
  RouteOf<Op> extends { kind: "sse" } ? AsyncIterable<Frame> : ResponseOf<Op>;
type Answer<T> = T | Refusal | Promise<T | Refusal>;
/** Answered without a key, hence without a workspace. */
export type OpenOperation = "getOpenApi" | "getHealth";
export type Handlers = {
  readonly [Op in Exclude<AvailableOperation, OpenOperation>]: (call: Call, input: Input<Op>) => Answer<Result<Op>>;
};

export const HANDLERS: Handlers = {
  getWorkflows: (call, { query }) => listWorkflows(call, query),
  getWorkflow: (call, { params }) => getWorkflow(call, params.workflow_identifier),
  getWorkflowRegistrations: (call, { query }) => listRegistrations(call, query),
  getWorkflowRegistration: (call, { params, query }) =>
    getRegistration(call, params.workflow_registration_id, { withWorkflow: query.with_workflow }),

  executeWorkflow: (call, { params, body }) => executeWorkflow(call, params.workflow_identifier, body),
  executeWorkflowRegistration: (call, { params, body }) =>
    executeRegistration(call, params.workflow_registration_id, body),
  getWorkflowExecution: (call, { params, query }) =>
    getExecution(call, params.execution_id, { searchKeys: query.include_search_keys }),
  getWorkflowExecutionHistory: (call, { params, query }) =>
    executionHistory(call, params.execution_id, { decode: query.decode_payloads }),
  signalWorkflowExecution: (call, { params, body }) => signalExecution(call, params.execution_id, body),
  queryWorkflowExecution: (call, { params, body }) => queryExecution(call, params.execution_id, body),
  updateWorkflowExecution: (call, { params, body }) => updateExecution(call, params.execution_id, body),
  cancelWorkflowExecution: (call, { params }) => cancelExecution(call, params.execution_id),
  terminateWorkflowExecution: (call, { params }) => terminateExecution(call, params.execution_id),

  listExecutions: (call, { query }) => listRuns(call, query),
  listRuns: (call, { query }) => listRuns(call, query),
  getRun: (call, { params }) => getRun(call, params.run_id),
  getRunHistory: (call, { params, query }) => runHistory(call, params.run_id, { decode: query.decode_payloads }),

  getWorkflowEvents: (call, { query }) => listEvents(call, query),
  getStreamEvents: (call, { query, lastEventId }) =>
    resume(lastEventId, query.last_event_id, (after) => streamEvents(call, query, after)),
  streamWorkflowExecution: (call, { params, query, lastEventId }) =>
    resume(lastEventId, query.last_event_id, (after) => streamExecution(call, params.execution_id, after)),

  listDeployments: (call, { query }) => listDeployments(call, query),
  getDeployment: (call, { params, query }) => getDeployment(call, params.name, query.workflow_name),
  listDeploymentWorkers: (call, { params, query }) => listWorkers(call, params.name, query),
  getWorkerInfo: (call) => workerInfo(call),

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

/** The header is stronger than the query key. */
function resume<T>(header: string | undefined, query: number | undefined, open: (after: number | undefined) => T) {
  if (header === undefined || header.trim() === "") return open(query);
  const after = LastEventId.safeParse(header.trim());
  return after.success
    ? open(after.data)
    : invalidAt(["header", "last-event-id"], "the id of a stream's frame is a whole number");
}
