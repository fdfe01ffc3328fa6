/** Executions and their runs. */
import * as executions from "../http/executions.ts";
import * as explain from "../http/explain.ts";
import * as failures from "../http/failures.ts";
import * as inputs from "../http/inputs.ts";
import * as jobs from "../http/jobs.ts";
import * as observability from "../http/observability.ts";
import * as runs from "../http/runs.ts";
import { EXECUTION, empty, json, REGISTRATION, WORKFLOWS } from "./row.ts";

const execute = { body: executions.WorkflowExecutionRequest, response: executions.ExecuteResponse };
const history = { query: executions.HistoryQuery, response: executions.HistoryResponse, cache: "private" } as const;
const historyEvent = {
  query: executions.HistoryEventQuery,
  response: executions.HistoryEventResponse,
  cache: "private",
} as const;
const listRuns = { query: runs.ListRunsQuery, response: runs.WorkflowExecutionListResponse };
const batch = { body: executions.BatchExecutionBody, response: executions.BatchExecutionResponse };

export const EXECUTION_ROWS = [
  // Executions
  json("executeWorkflow", "POST", `${WORKFLOWS}/{workflow_identifier}/execute`, "executions", execute),
  json("executeWorkflowRegistration", "POST", `${REGISTRATION}/execute`, "executions", execute),
  json("listExecutions", "GET", `${WORKFLOWS}/executions`, "executions", listRuns),
  json("getWorkflowExecution", "GET", EXECUTION, "executions", {
    query: executions.GetExecutionQuery,
    response: executions.WorkflowExecutionResponse,
  }),
  json("explainWorkflowExecution", "GET", `${EXECUTION}/explain`, "executions", { response: explain.Explanation }),
  json("getWorkflowExecutionHistory", "GET", `${EXECUTION}/history`, "executions", history),
  json("getWorkflowExecutionEvent", "GET", `${EXECUTION}/history/{event_id}`, "executions", historyEvent),
  json("signalWorkflowExecution", "POST", `${EXECUTION}/signals`, "executions", {
    body: executions.SignalInvocationBody,
    response: executions.SignalWorkflowResponse,
    success: 202,
  }),
  json("queryWorkflowExecution", "POST", `${EXECUTION}/queries`, "executions", {
    body: executions.QueryInvocationBody,
    response: executions.QueryWorkflowResponse,
  }),
  json("updateWorkflowExecution", "POST", `${EXECUTION}/updates`, "executions", {
    body: executions.UpdateInvocationBody,
    response: executions.UpdateWorkflowResponse,
  }),
  empty("cancelWorkflowExecution", "POST", `${EXECUTION}/cancel`, "executions", {}),
  empty("terminateWorkflowExecution", "POST", `${EXECUTION}/terminate`, "executions", {}),
  json("batchCancelWorkflowExecutions", "POST", `${WORKFLOWS}/executions/cancel`, "executions", batch),
  json("batchTerminateWorkflowExecutions", "POST", `${WORKFLOWS}/executions/terminate`, "executions", batch),
  empty("resetWorkflow", "POST", `${EXECUTION}/reset`, "executions", { body: executions.ResetInvocationBody }),
  json("previewReset", "POST", `${EXECUTION}/reset/preview`, "executions", {
    body: executions.ResetInvocationBody,
    response: executions.ResetPreviewResponse,
  }),
  empty("deleteWorkflowExecution", "DELETE", EXECUTION, "executions", { query: executions.DeleteExecutionQuery }),

  json("listInputs", "GET", `${WORKFLOWS}/inputs`, "executions", {
    query: inputs.ListInputsQuery,
    response: inputs.InputListResponse,
  }),

  // Jobs
  json("createJob", "POST", `${WORKFLOWS}/jobs`, "executions", {
    body: jobs.CreateJobRequest,
    response: jobs.JobResponse,
    success: 201,
  }),
  json("listJobs", "GET", `${WORKFLOWS}/jobs`, "executions", {
    query: jobs.ListJobsQuery,
    response: jobs.JobListResponse,
  }),
  json("getJob", "GET", `${WORKFLOWS}/jobs/{job_id}`, "executions", { response: jobs.JobResponse }),
  json("getJobOutcomes", "GET", `${WORKFLOWS}/jobs/{job_id}/outcomes`, "executions", {
    query: jobs.JobOutcomesQuery,
    response: jobs.JobOutcomesResponse,
  }),
  json("abortJob", "POST", `${WORKFLOWS}/jobs/{job_id}/abort`, "executions", { response: jobs.JobResponse }),

  // Runs
  json("listRuns", "GET", `${WORKFLOWS}/runs`, "executions", listRuns),
  json("countRuns", "GET", `${WORKFLOWS}/runs/counts`, "executions", {
    query: runs.CountRunsQuery,
    response: runs.RunCountsResponse,
  }),
  json("getRun", "GET", `${WORKFLOWS}/runs/{run_id}`, "executions", { response: executions.WorkflowExecutionResponse }),
  json("getRunHistory", "GET", `${WORKFLOWS}/runs/{run_id}/history`, "executions", history),
  json("getRunEvent", "GET", `${WORKFLOWS}/runs/{run_id}/history/{event_id}`, "executions", historyEvent),

  // Metrics, traces, logs
  json("listFailures", "GET", `${WORKFLOWS}/failures`, "executions", {
    query: failures.ListFailuresQuery,
    response: failures.FailureListResponse,
  }),
  json("getWorkflowMetrics", "GET", `${WORKFLOWS}/{workflow_name}/metrics`, "executions", {
    query: observability.MetricsQuery,
    response: observability.WorkflowMetrics,
  }),
  json("getWorkflowExecutionTraceInfo", "GET", `${EXECUTION}/trace/info`, "executions", {
    response: observability.TraceInfoResponse,
  }),
  json("getWorkflowExecutionTraceOtel", "GET", `${EXECUTION}/trace/otel`, "executions", {
    response: observability.TraceOtelResponse,
  }),
  json("getWorkflowExecutionTraceSummary", "GET", `${EXECUTION}/trace/summary`, "executions", {
    response: observability.TraceSummaryResponse,
  }),
  json("getWorkflowExecutionTraceEvents", "GET", `${EXECUTION}/trace/events`, "executions", {
    query: observability.TraceEventsQuery,
    response: observability.TraceEventsResponse,
  }),
  json("getWorkflowExecutionLogs", "GET", `${EXECUTION}/logs`, "executions", {
    query: observability.ExecutionLogsQuery,
    response: observability.LogSearchResponse,
  }),
] as const;
