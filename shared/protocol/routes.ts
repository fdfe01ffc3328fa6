/**
 * The public API, one row per operation. The dev server, the Lambda functions, API Gateway's resources, the OpenAPI
 * document and the console's client all derive from this table.
 *
 * A row that carries `unavailable` is answered 501 with that sentence; taking the field away enables it.
 */
import type * as z from "zod";
import * as deployments from "./http/deployments.ts";
import * as events from "./http/events.ts";
import * as executions from "./http/executions.ts";
import * as managed from "./http/managed.ts";
import { compile, type Match } from "./http/match.ts";
import * as observability from "./http/observability.ts";
import * as runs from "./http/runs.ts";
import * as schedules from "./http/schedules.ts";
import * as system from "./http/system.ts";
import * as workflows from "./http/workflows.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
/** Which function serves it: the parts of the API that are deployed and scaled on their own. */
export type Area = "executions" | "registration" | "schedules" | "streams" | "system";

/** A row without its literal types. */
export interface Route {
  readonly operation: string;
  readonly method: Method;
  readonly path: string;
  readonly area: Area;
  /** The one status of success; clients match it exactly. */
  readonly success: number;
  /** `empty`: no body at all. `sse`: `response` is the `data` of one frame. */
  readonly kind: "json" | "empty" | "sse";
  readonly auth: boolean;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** A missing body, or one of no length or of `null`, counts as `{}`. */
  readonly optionalBody?: boolean;
  readonly response?: z.ZodType;
  /** Why this is answered 501 for now. */
  readonly unavailable?: string;
}

type Details = Partial<
  Pick<Route, "query" | "body" | "optionalBody" | "response" | "unavailable" | "auth" | "success">
>;

function row<
  const O extends string,
  const M extends Method,
  const P extends string,
  const A extends Area,
  const K extends Route["kind"],
  const D extends Details,
>(operation: O, method: M, path: P, area: A, kind: K, success: number, details: D) {
  return { operation, method, path, area, kind, success, auth: true, ...details };
}
function json<
  const O extends string,
  const M extends Method,
  const P extends string,
  const A extends Area,
  const D extends Details,
>(operation: O, method: M, path: P, area: A, details: D) {
  return row(operation, method, path, area, "json", 200, details);
}
function empty<
  const O extends string,
  const M extends Method,
  const P extends string,
  const A extends Area,
  const D extends Details,
>(operation: O, method: M, path: P, area: A, details: D) {
  return row(operation, method, path, area, "empty", 204, details);
}
function sse<const O extends string, const P extends string, const D extends Details>(
  operation: O,
  path: P,
  details: D,
) {
  return row(operation, "GET", path, "streams", "sse", 200, details);
}

const later = (what: string) => ({
  unavailable: `${what} is not part of this version of Sirocco yet.`,
});
const notHosted = {
  unavailable: "This installation does not host workers: start, stop and update a deployment's workers where they run.",
};
const logs = later("Reading logs through the API");
const traces = later("Reading traces through the API");
const archiving = later("Archiving workflows");

const W = "/v1/workflows";
const E = `${W}/executions/{execution_id}` as const;
const R = `${W}/registrations/{workflow_registration_id}` as const;
const S = `${W}/schedules/{schedule_id}` as const;
const D = `${W}/deployments/{name}` as const;
const execute = { body: executions.WorkflowExecutionRequest, response: executions.ExecuteResponse };
const history = { query: executions.HistoryQuery, response: executions.HistoryResponse };
const listRuns = { query: runs.ListRunsQuery, response: runs.WorkflowExecutionListResponse };
const ids = { body: workflows.WorkflowIdsRequest };
const batch = { body: executions.BatchExecutionBody, response: executions.BatchExecutionResponse };
const hosting = { response: managed.ManagedDeploymentResponse, success: 202, ...notHosted };
const pause = { body: schedules.SchedulePauseRequest, optionalBody: true };

const TABLE = [
  // Workflows and registrations
  json("getWorkflows", "GET", W, "registration", {
    query: workflows.ListWorkflowsQuery,
    response: workflows.WorkflowListResponse,
  }),
  json("getWorkflow", "GET", `${W}/{workflow_identifier}`, "registration", {
    response: workflows.WorkflowGetResponse,
  }),
  json("updateWorkflow", "PUT", `${W}/{workflow_identifier}`, "registration", {
    body: workflows.WorkflowUpdateRequest,
    response: workflows.WorkflowUpdateResponse,
    ...later("Changing a workflow's display name, description or tags"),
  }),
  empty("addWorkflowTags", "POST", `${W}/{workflow_identifier}/tags`, "registration", {
    body: workflows.AddTagsRequest,
    ...later("Tagging workflows"),
  }),
  json("archiveWorkflow", "PUT", `${W}/{workflow_identifier}/archive`, "registration", {
    response: workflows.WorkflowArchiveResponse,
    ...archiving,
  }),
  json("unarchiveWorkflow", "PUT", `${W}/{workflow_identifier}/unarchive`, "registration", {
    response: workflows.WorkflowUnarchiveResponse,
    ...archiving,
  }),
  json("bulkArchiveWorkflows", "PUT", `${W}/archive`, "registration", {
    ...ids,
    response: workflows.WorkflowBulkArchiveResponse,
    ...archiving,
  }),
  json("bulkUnarchiveWorkflows", "PUT", `${W}/unarchive`, "registration", {
    ...ids,
    response: workflows.WorkflowBulkUnarchiveResponse,
    ...archiving,
  }),
  json("getWorkflowRegistrations", "GET", `${W}/registrations`, "registration", {
    query: workflows.ListRegistrationsQuery,
    response: workflows.WorkflowRegistrationListResponse,
  }),
  json("getWorkflowRegistration", "GET", R, "registration", {
    query: workflows.GetRegistrationQuery,
    response: workflows.WorkflowRegistrationGetResponse,
  }),

  // Executions
  json("executeWorkflow", "POST", `${W}/{workflow_identifier}/execute`, "executions", execute),
  json("executeWorkflowRegistration", "POST", `${R}/execute`, "executions", execute),
  json("listExecutions", "GET", `${W}/executions`, "executions", listRuns),
  json("getWorkflowExecution", "GET", E, "executions", {
    query: executions.GetExecutionQuery,
    response: executions.WorkflowExecutionResponse,
  }),
  json("getWorkflowExecutionHistory", "GET", `${E}/history`, "executions", history),
  json("signalWorkflowExecution", "POST", `${E}/signals`, "executions", {
    body: executions.SignalInvocationBody,
    response: executions.SignalWorkflowResponse,
    success: 202,
  }),
  json("queryWorkflowExecution", "POST", `${E}/queries`, "executions", {
    body: executions.QueryInvocationBody,
    response: executions.QueryWorkflowResponse,
  }),
  json("updateWorkflowExecution", "POST", `${E}/updates`, "executions", {
    body: executions.UpdateInvocationBody,
    response: executions.UpdateWorkflowResponse,
  }),
  empty("cancelWorkflowExecution", "POST", `${E}/cancel`, "executions", {}),
  empty("terminateWorkflowExecution", "POST", `${E}/terminate`, "executions", {}),
  json("batchCancelWorkflowExecutions", "POST", `${W}/executions/cancel`, "executions", {
    ...batch,
    ...later("Cancelling many executions in one call"),
  }),
  json("batchTerminateWorkflowExecutions", "POST", `${W}/executions/terminate`, "executions", {
    ...batch,
    ...later("Terminating many executions in one call"),
  }),
  empty("resetWorkflow", "POST", `${E}/reset`, "executions", {
    body: executions.ResetInvocationBody,
    ...later("Resetting an execution"),
  }),

  // Runs
  json("listRuns", "GET", `${W}/runs`, "executions", listRuns),
  json("getRun", "GET", `${W}/runs/{run_id}`, "executions", { response: executions.WorkflowExecutionResponse }),
  json("getRunHistory", "GET", `${W}/runs/{run_id}/history`, "executions", history),

  // Events
  json("getWorkflowEvents", "GET", `${W}/events/list`, "streams", {
    query: events.ListEventsQuery,
    response: events.ListWorkflowEventResponse,
  }),
  sse("getStreamEvents", `${W}/events/stream`, {
    query: events.StreamEventsQuery,
    response: events.StreamEventPayload,
  }),
  sse("streamWorkflowExecution", `${E}/stream`, {
    query: events.ExecutionStreamQuery,
    response: events.StreamEventPayload,
  }),

  // Deployments and workers
  json("listDeployments", "GET", `${W}/deployments`, "registration", {
    query: deployments.ListDeploymentsQuery,
    response: deployments.DeploymentListResponse,
  }),
  json("getDeployment", "GET", D, "registration", {
    query: deployments.GetDeploymentQuery,
    response: deployments.DeploymentDetailResponse,
  }),
  json("listDeploymentWorkers", "GET", `${D}/workers`, "registration", {
    query: deployments.ListWorkersQuery,
    response: deployments.DeploymentWorkerListResponse,
  }),
  json("getWorkerInfo", "GET", `${W}/workers/whoami`, "registration", { response: system.WhoAmIResponse }),
  empty("unhardenDeployment", "POST", `${W}/deployments/{deployment_id}/unharden`, "registration", {
    query: deployments.UnhardenQuery,
    ...later("Restricting a deployment to authorised credentials"),
  }),
  json("createDeployment", "POST", `${W}/deployments`, "registration", {
    body: managed.CreateDeploymentRequest,
    ...hosting,
  }),
  json("updateDeployment", "PATCH", D, "registration", { body: managed.UpdateDeploymentRequest, ...hosting }),
  json("deleteDeployment", "DELETE", D, "registration", hosting),
  json("stopDeployment", "POST", `${D}/stop`, "registration", hosting),
  json("startDeployment", "POST", `${D}/start`, "registration", hosting),
  json("restartDeployment", "POST", `${D}/restart`, "registration", hosting),
  json("getDeploymentArchive", "GET", `${D}/archive`, "registration", {
    response: managed.DeploymentArchiveResponse,
    ...notHosted,
  }),

  // Schedules
  json("getSchedules", "GET", `${W}/schedules`, "schedules", {
    query: schedules.ListSchedulesQuery,
    response: schedules.WorkflowScheduleListResponse,
  }),
  json("scheduleWorkflow", "POST", `${W}/schedules`, "schedules", {
    body: schedules.WorkflowScheduleRequest,
    response: schedules.WorkflowScheduleResponse,
    success: 201,
  }),
  json("getSchedule", "GET", S, "schedules", { response: schedules.ScheduleDefinitionOutput }),
  json("updateSchedule", "PATCH", S, "schedules", {
    body: schedules.WorkflowScheduleUpdateRequest,
    response: schedules.WorkflowScheduleResponse,
  }),
  empty("unscheduleWorkflow", "DELETE", S, "schedules", {}),
  empty("pauseSchedule", "POST", `${S}/pause`, "schedules", pause),
  empty("resumeSchedule", "POST", `${S}/resume`, "schedules", pause),
  empty("triggerSchedule", "POST", `${S}/trigger`, "schedules", {
    body: schedules.ScheduleTriggerRequest,
    optionalBody: true,
  }),
  json("previewSchedule", "POST", `${W}/schedules/preview`, "schedules", {
    body: schedules.SchedulePreviewRequest,
    response: schedules.SchedulePreviewResponse,
  }),
  json("backfillSchedule", "POST", `${S}/backfill`, "schedules", {
    body: schedules.ScheduleBackfillRequest,
    response: schedules.ScheduleBackfillResponse,
    success: 202,
  }),
  json("getScheduleLog", "GET", `${S}/log`, "schedules", {
    query: schedules.ScheduleLogQuery,
    response: schedules.ScheduleLogResponse,
  }),

  // Metrics, traces, logs
  json("getWorkflowMetrics", "GET", `${W}/{workflow_name}/metrics`, "executions", {
    query: observability.MetricsQuery,
    response: observability.WorkflowMetrics,
    ...later("Workflow metrics"),
  }),
  json("getWorkflowExecutionTraceInfo", "GET", `${E}/trace/info`, "executions", {
    response: observability.TraceInfoResponse,
    ...traces,
  }),
  json("getWorkflowExecutionTraceOtel", "GET", `${E}/trace/otel`, "executions", {
    response: observability.TraceOtelResponse,
    ...traces,
  }),
  json("getWorkflowExecutionTraceSummary", "GET", `${E}/trace/summary`, "executions", {
    response: observability.TraceSummaryResponse,
    ...traces,
  }),
  json("getWorkflowExecutionTraceEvents", "GET", `${E}/trace/events`, "executions", {
    query: observability.TraceEventsQuery,
    response: observability.TraceEventsResponse,
    ...traces,
  }),
  json("getWorkflowExecutionLogs", "GET", `${E}/logs`, "executions", {
    query: observability.ExecutionLogsQuery,
    response: observability.LogSearchResponse,
    ...logs,
  }),
  sse("streamWorkflowExecutionLogs", `${E}/logs/stream`, {
    query: observability.ExecutionLogStreamQuery,
    response: observability.LogRecord,
    ...logs,
  }),
  json("getDeploymentLogs", "GET", `${D}/logs`, "registration", {
    query: observability.DeploymentLogsQuery,
    response: observability.LogSearchResponse,
    ...logs,
  }),
  sse("streamDeploymentLogs", `${D}/logs/stream`, {
    query: observability.DeploymentLogStreamQuery,
    response: observability.LogRecord,
    ...logs,
  }),

  // The installation
  json("getOpenApi", "GET", "/openapi.json", "system", { response: system.OpenApiResponse, auth: false }),
  json("getHealth", "GET", "/health", "system", { response: system.HealthResponse, auth: false }),
] as const;

/** All rows, in the order of the documentation. */
export const ROUTES: readonly RouteOf<Operation>[] = TABLE;

type Row = (typeof TABLE)[number];
export type Operation = Row["operation"];
export type RouteOf<Op extends Operation> = Extract<Row, { operation: Op }>;

type Names<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Output<T, K extends string, None> = T extends { readonly [_ in K]: infer S extends z.ZodType }
  ? z.output<S>
  : None;

/** Path parameters, percent-decoded, otherwise unchecked. */
export type ParamsOf<Op extends Operation> = { readonly [N in Names<RouteOf<Op>["path"]>]: string };
/** The query with its defaults; an empty object where none is declared. */
export type QueryOf<Op extends Operation> = Output<RouteOf<Op>, "query", Record<never, never>>;
/** The checked body; `undefined` where none is declared. */
export type BodyOf<Op extends Operation> = Output<RouteOf<Op>, "body", undefined>;
/** What a handler must return; of an `sse` row, the `data` of one frame. */
export type ResponseOf<Op extends Operation> = Output<RouteOf<Op>, "response", undefined>;
export type AvailableOperation = Exclude<Row, { unavailable: string }>["operation"];

const byOperation = new Map<string, Row>(TABLE.map((row) => [row.operation, row]));

export function routeOf<Op extends Operation>(operation: Op): RouteOf<Op> {
  return byOperation.get(operation) as RouteOf<Op>;
}

/** `path` without the query string. Method names are upper case. */
export const matchRoute: (method: string, path: string) => Match<RouteOf<Operation>> = compile(TABLE);
