/**
 * The operations that the console calls, with method and path as in the routes table. They are written out here so that
 * the table's schemas stay out of the browser; a test compares them.
 */
import type { Operation, ParamsOf, ResponseOf } from "../../../shared/protocol/routes.ts";

const W = "/v1/workflows";
const E = `${W}/executions/{execution_id}`;
const S = `${W}/schedules/{schedule_id}`;

export const OPERATIONS = {
  whoAmI: "GET /v1/whoami",
  getHealth: "GET /health",
  getOpenApi: "GET /openapi.json",
  listKeys: "GET /v1/keys",

  getWorkflows: `GET ${W}`,
  getWorkflow: `GET ${W}/{workflow_identifier}`,
  getWorkflowRegistrations: `GET ${W}/registrations`,
  executeWorkflow: `POST ${W}/{workflow_identifier}/execute`,
  archiveWorkflow: `PUT ${W}/{workflow_identifier}/archive`,
  unarchiveWorkflow: `PUT ${W}/{workflow_identifier}/unarchive`,

  listInputs: `GET ${W}/inputs`,
  listRuns: `GET ${W}/runs`,
  countRuns: `GET ${W}/runs/counts`,
  getRun: `GET ${W}/runs/{run_id}`,
  getRunHistory: `GET ${W}/runs/{run_id}/history`,
  getRunEvent: `GET ${W}/runs/{run_id}/history/{event_id}`,
  getWorkflowExecution: `GET ${E}`,
  explainWorkflowExecution: `GET ${E}/explain`,
  signalWorkflowExecution: `POST ${E}/signals`,
  queryWorkflowExecution: `POST ${E}/queries`,
  updateWorkflowExecution: `POST ${E}/updates`,
  cancelWorkflowExecution: `POST ${E}/cancel`,
  terminateWorkflowExecution: `POST ${E}/terminate`,
  deleteWorkflowExecution: `DELETE ${E}`,
  getStreamEvents: `GET ${W}/events/stream`,

  batchCancelWorkflowExecutions: `POST ${W}/executions/cancel`,
  batchTerminateWorkflowExecutions: `POST ${W}/executions/terminate`,
  getWorkflowExecutionLogs: `GET ${E}/logs`,
  resetWorkflow: `POST ${E}/reset`,
  previewReset: `POST ${E}/reset/preview`,
  listFailures: `GET ${W}/failures`,
  getWorkflowMetrics: `GET ${W}/{workflow_name}/metrics`,
  createJob: `POST ${W}/jobs`,
  listJobs: `GET ${W}/jobs`,
  getJob: `GET ${W}/jobs/{job_id}`,
  getJobOutcomes: `GET ${W}/jobs/{job_id}/outcomes`,
  abortJob: `POST ${W}/jobs/{job_id}/abort`,

  getSchedules: `GET ${W}/schedules`,
  getSchedule: `GET ${S}`,
  scheduleWorkflow: `POST ${W}/schedules`,
  updateSchedule: `PATCH ${S}`,
  unscheduleWorkflow: `DELETE ${S}`,
  pauseSchedule: `POST ${S}/pause`,
  resumeSchedule: `POST ${S}/resume`,
  triggerSchedule: `POST ${S}/trigger`,
  backfillSchedule: `POST ${S}/backfill`,
  previewSchedule: `POST ${W}/schedules/preview`,
  explainSchedule: `GET ${S}/explain`,
  getScheduleLog: `GET ${S}/log`,
  listUpcomingTimes: `GET ${W}/schedules/upcoming`,

  listDeployments: `GET ${W}/deployments`,
  getDeployment: `GET ${W}/deployments/{name}`,
  promoteDeployment: `POST ${W}/deployments/{name}/promote`,
  rollBackDeployment: `POST ${W}/deployments/{name}/rollback`,
  listHolds: "GET /v1/holds",
  holdWork: "POST /v1/holds",
  releaseHold: "POST /v1/holds/release",
} as const satisfies Partial<Record<Operation, string>>;

export type Called = keyof typeof OPERATIONS;
export type Answer<O extends Called> = ResponseOf<O>;

type Values = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
export type CallOf<O extends Called> = (Record<never, never> extends ParamsOf<O>
  ? { readonly params?: undefined }
  : { readonly params: ParamsOf<O> }) & {
  readonly query?: Values;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
};

export function pathOf(operation: Called, params: Readonly<Record<string, string>> = {}, query: Values = {}): string {
  const template = OPERATIONS[operation].replace(/^[A-Z]+ \//, "");
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(key, String(one));
  }
  return search.size > 0 ? `${path}?${search}` : path;
}

export const methodOf = (operation: Called): string => OPERATIONS[operation].split(" ")[0] as string;
