/** Starts, reads, signals, queries, updates and ends executions; their runs. */
import { EXECUTION_ROWS } from "../../protocol/routes/executions.ts";
import { executeRegistration, executeWorkflow } from "../execute.ts";
import { cancelExecution, getExecution, terminateExecution } from "../executions.ts";
import type { HandlersOf, Part } from "../handlers.ts";
import { executionHistory, runHistory } from "../history.ts";
import { queryExecution } from "../queries.ts";
import { getRun, listRuns } from "../runs.ts";
import { signalExecution } from "../signals.ts";
import { updateExecution } from "../updates.ts";

const handlers: HandlersOf<"executions"> = {
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
};

export const EXECUTIONS: Part = { routes: EXECUTION_ROWS, handlers };
