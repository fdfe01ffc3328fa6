/** Operations on executions and their runs. */
import { lazy } from "../../lib/lazy.ts";
import { EXECUTION_ROWS } from "../../protocol/routes/executions.ts";
import { executeRegistration, executeWorkflow } from "../execute.ts";
import { cancelExecution, getExecution, terminateExecution } from "../executions.ts";
import { queryExecution } from "../queries.ts";
import type { HandlersOf, RouteModule } from "../route-module.ts";
import { getRun, listRuns } from "../runs.ts";
import { signalExecution } from "../signals.ts";
import { updateExecution } from "../updates.ts";

/** Operations that are rare: their code is loaded at the first use. */
const load = {
  jobs: lazy(() => import("../jobs.ts")),
  batch: lazy(() => import("../batch.ts")),
  explain: lazy(() => import("../explain/execution.ts")),
  counts: lazy(() => import("../run-counts.ts")),
  history: lazy(() => import("../history.ts")),
  failures: lazy(() => import("../failures.ts")),
  inputs: lazy(() => import("../inputs.ts")),
  metrics: lazy(() => import("../metrics.ts")),
  trace: lazy(() => import("../trace.ts")),
  resetPreview: lazy(() => import("../reset-preview.ts")),
  reset: lazy(() => import("../reset.ts")),
  delete: lazy(() => import("../delete.ts")),
  logs: lazy(() => import("../logs.ts")),
};

const handlers: HandlersOf<"executions"> = {
  executeWorkflow: (context, { params, body, ...headers }) =>
    executeWorkflow(context, params.workflow_identifier, body, headers),
  executeWorkflowRegistration: (context, { params, body, ...headers }) =>
    executeRegistration(context, params.workflow_registration_id, body, headers),
  getWorkflowExecution: (context, { params, query }) =>
    getExecution(context, params.execution_id, { searchKeys: query.include_search_keys }),
  explainWorkflowExecution: async (context, { params }) =>
    (await load.explain()).explainExecution(context, params.execution_id),
  getWorkflowExecutionHistory: async (context, { params, query }) =>
    (await load.history()).executionHistory(context, params.execution_id, query),
  getWorkflowExecutionEvent: async (context, { params, query }) =>
    (await load.history()).executionEvent(context, params.execution_id, params.event_id, query),
  signalWorkflowExecution: (context, { params, body }) => signalExecution(context, params.execution_id, body),
  queryWorkflowExecution: (context, { params, body }) => queryExecution(context, params.execution_id, body),
  updateWorkflowExecution: (context, { params, body }) => updateExecution(context, params.execution_id, body),
  cancelWorkflowExecution: (context, { params }) => cancelExecution(context, params.execution_id),
  terminateWorkflowExecution: (context, { params }) => terminateExecution(context, params.execution_id),
  batchCancelWorkflowExecutions: async (context, { body }) =>
    (await load.batch()).endMany(context, "cancel", body.execution_ids),
  batchTerminateWorkflowExecutions: async (context, { body }) =>
    (await load.batch()).endMany(context, "terminate", body.execution_ids),
  resetWorkflow: async (context, { params, body, idempotencyKey }) =>
    (await load.reset()).resetExecution(context, params.execution_id, body, idempotencyKey),
  previewReset: async (context, { params, body }) =>
    (await load.resetPreview()).previewOfReset(context, params.execution_id, body),
  deleteWorkflowExecution: async (context, { params, query }) =>
    (await load.delete()).removeExecution(context, params.execution_id, query),

  createJob: async (context, { body }) => (await load.jobs()).createJob(context, body),
  listJobs: async (context, { query }) => (await load.jobs()).listJobs(context, query),
  getJob: async (context, { params }) => (await load.jobs()).getJob(context, params.job_id),
  getJobOutcomes: async (context, { params, query }) =>
    (await load.jobs()).jobOutcomes(context, params.job_id, query.cursor),
  abortJob: async (context, { params }) => (await load.jobs()).abortJob(context, params.job_id),

  listExecutions: (context, { query }) => listRuns(context, query),
  listRuns: (context, { query }) => listRuns(context, query),
  countRuns: async (context, { query }) => (await load.counts()).countRuns(context, query),
  getRun: (context, { params }) => getRun(context, params.run_id),
  getRunHistory: async (context, { params, query }) => (await load.history()).runHistory(context, params.run_id, query),
  getRunEvent: async (context, { params, query }) =>
    (await load.history()).runEvent(context, params.run_id, params.event_id, query),

  listFailures: async (context, { query }) => (await load.failures()).listFailures(context, query),
  listInputs: async (context, { query }) => (await load.inputs()).listInputs(context, query),
  getWorkflowMetrics: async (context, { params, query }) =>
    (await load.metrics()).workflowMetrics(context, params.workflow_name, query),
  getWorkflowExecutionTraceInfo: async (context, { params }) =>
    (await load.trace()).traceInfo(context, params.execution_id),
  getWorkflowExecutionTraceOtel: async (context, { params }) =>
    (await load.trace()).traceOtel(context, params.execution_id),
  getWorkflowExecutionTraceSummary: async (context, { params }) =>
    (await load.trace()).traceSummary(context, params.execution_id),
  getWorkflowExecutionTraceEvents: async (context, { params, query }) =>
    (await load.trace()).traceEvents(context, params.execution_id, query),
  getWorkflowExecutionLogs: async (context, { params, query }) =>
    (await load.logs()).executionLogs(context, params.execution_id, query),
};

export const EXECUTIONS: RouteModule = { routes: EXECUTION_ROWS, handlers };
