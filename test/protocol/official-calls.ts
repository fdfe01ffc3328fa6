/** One call of the official TypeScript client per operation, with every option that it takes. */
import type { Mistral } from "@mistralai/mistralai";
import type { Operation } from "../../shared/protocol/routes.ts";

const at = new Date("2026-01-31T09:30:00.000Z");
const executionId = "exec-1";
const runId = "0198c0de-0000-7000-8000-000000000001";
const input = { amount: 12, nested: { list: [1, "two", null] } };
const calendar = { hour: [{ start: 9 }], dayOfWeek: [{ start: 1, end: 5 }], comment: "working days" };

export const OFFICIAL_CALLS: Partial<Record<Operation, (client: Mistral) => Promise<unknown>>> = {
  getWorkflows: ({ workflows }) =>
    workflows.getWorkflows({
      status: ["RUNNING", "FAILED"],
      includeShared: false,
      availableInChatAssistant: true,
      deploymentName: ["alice", "bob"],
      deploymentStatus: "active",
      archived: false,
      tags: ["a", "b"],
      sortBy: "display_name",
      order: "desc",
      cursor: "c",
      limit: 7,
      search: "inv",
    }),
  getWorkflow: ({ workflows }) => workflows.getWorkflow({ workflowIdentifier: "invoices" }),
  updateWorkflow: ({ workflows }) =>
    workflows.updateWorkflow({
      workflowIdentifier: "invoices",
      workflowUpdateRequest: { displayName: "Invoices", description: null, tags: ["a"] },
    }),
  archiveWorkflow: ({ workflows }) => workflows.archiveWorkflow({ workflowIdentifier: "invoices" }),
  unarchiveWorkflow: ({ workflows }) => workflows.unarchiveWorkflow({ workflowIdentifier: "invoices" }),
  bulkArchiveWorkflows: ({ workflows }) => workflows.bulkArchiveWorkflows({ workflowIds: [runId] }),
  bulkUnarchiveWorkflows: ({ workflows }) => workflows.bulkUnarchiveWorkflows({ workflowIds: [runId] }),
  executeWorkflow: ({ workflows }) =>
    workflows.executeWorkflow({
      workflowIdentifier: "invoices",
      workflowExecutionRequest: {
        executionId,
        input,
        waitForResult: true,
        timeoutSeconds: 2.5,
        customTracingAttributes: { a: "b" },
        extensions: { e: 1 },
        deploymentName: "alice",
      },
    }),
  executeWorkflowRegistration: ({ workflows }) =>
    workflows.executeWorkflowRegistration({ workflowRegistrationId: runId, workflowExecutionRequest: {} }),
  getWorkflowRegistrations: ({ workflows }) =>
    workflows.getWorkflowRegistrations({
      workflowId: runId,
      taskQueue: "alice",
      activeOnly: true,
      workflowSearch: "inv",
      archived: true,
      withWorkflow: true,
      limit: 3,
      cursor: "c",
    }),
  getWorkflowRegistration: ({ workflows }) =>
    workflows.getWorkflowRegistration({ workflowRegistrationId: runId, withWorkflow: true }),

  getWorkflowExecution: ({ workflows }) =>
    workflows.executions.getWorkflowExecution({ executionId, includeSearchKeys: true }),
  getWorkflowExecutionHistory: ({ workflows }) => workflows.executions.getWorkflowExecutionHistory({ executionId }),
  signalWorkflowExecution: ({ workflows }) =>
    workflows.executions.signalWorkflowExecution({ executionId, signalInvocationBody: { name: "approve", input } }),
  queryWorkflowExecution: ({ workflows }) =>
    workflows.executions.queryWorkflowExecution({ executionId, queryInvocationBody: { name: "status" } }),
  updateWorkflowExecution: ({ workflows }) =>
    workflows.executions.updateWorkflowExecution({
      executionId,
      updateInvocationBody: { name: "set", input: { b64payload: "AAAA", encodingOptions: ["encrypted"] } },
    }),
  cancelWorkflowExecution: ({ workflows }) => workflows.executions.cancelWorkflowExecution({ executionId }),
  terminateWorkflowExecution: ({ workflows }) => workflows.executions.terminateWorkflowExecution({ executionId }),
  batchCancelWorkflowExecutions: ({ workflows }) =>
    workflows.executions.batchCancelWorkflowExecutions({ executionIds: [executionId] }),
  batchTerminateWorkflowExecutions: ({ workflows }) =>
    workflows.executions.batchTerminateWorkflowExecutions({ executionIds: [executionId] }),
  resetWorkflow: ({ workflows }) =>
    workflows.executions.resetWorkflow({ executionId, resetInvocationBody: { eventId: 4, reason: "bug" } }),
  streamWorkflowExecution: ({ workflows }) =>
    workflows.executions.stream({ executionId, eventSource: "HYBRID", lastEventId: "41" }),

  listRuns: ({ workflows }) =>
    workflows.runs.listRuns({
      workflowIdentifier: "invoices",
      rootExecutionId: executionId,
      search: "inv",
      status: "RUNNING",
      deploymentName: "alice",
      sortBy: "end_time",
      order: "asc",
      startTimeAfter: at,
      startTimeBefore: at,
      endTimeAfter: at,
      endTimeBefore: at,
      userId: "current",
      workflowTags: ["a"],
      includeInternal: false,
      pageSize: 3,
      nextPageToken: "t",
      searchKey: ["customer.id:42:7"],
    }),
  getRun: ({ workflows }) => workflows.runs.getRun({ runId }),
  getRunHistory: ({ workflows }) => workflows.runs.getRunHistory({ runId, decodePayloads: false }),

  getWorkflowEvents: ({ workflows }) =>
    workflows.events.getWorkflowEvents({ workflowExecId: executionId, workflowRunId: runId, limit: 5, cursor: "c" }),
  getStreamEvents: ({ workflows }) =>
    workflows.events.getStreamEvents({
      scope: "activity",
      workflowExecId: executionId,
      startSeq: 12,
      lastEventId: "41",
      metadataFilters: { customer: "42", nested: { a: 1 } },
      workflowEventTypes: ["ACTIVITY_TASK_STARTED", "CUSTOM_TASK_STARTED"],
    }),

  listDeployments: ({ workflows }) =>
    workflows.deployments.listDeployments({
      activeOnly: false,
      isHardened: false,
      workflowName: "invoices",
      createdBy: "me",
      locationTypes: ["local", "k8s"],
      search: "ali",
      orderBy: "created_at",
      order: "asc",
      limit: 3,
      cursor: "c",
      workspaceId: runId,
    }),
  getDeployment: ({ workflows }) => workflows.deployments.getDeployment({ name: "alice", workflowName: "invoices" }),
  listDeploymentWorkers: ({ workflows }) =>
    workflows.deployments.listDeploymentWorkers({ name: "alice", workerStatus: "active", limit: 3, cursor: "c" }),
  createDeployment: ({ workflows }) =>
    workflows.deployments.createDeployment({ name: "alice", spec: { githubUrl: "https://example.org/repository" } }),
  updateDeployment: ({ workflows }) =>
    workflows.deployments.updateDeployment({
      name: "alice",
      updateDeploymentRequest: { resources: { replicas: 2 }, spec: { backendSpec: { type: "kubernetes" } } },
    }),
  deleteDeployment: ({ workflows }) => workflows.deployments.deleteDeployment({ name: "alice" }),
  stopDeployment: ({ workflows }) => workflows.deployments.stopDeployment({ name: "alice" }),
  startDeployment: ({ workflows }) => workflows.deployments.startDeployment({ name: "alice" }),
  restartDeployment: ({ workflows }) => workflows.deployments.restartDeployment({ name: "alice" }),

  getSchedules: ({ workflows }) =>
    workflows.schedules.getSchedules({
      workflowName: "invoices",
      userId: "current",
      status: "paused",
      search: "inv",
      pageSize: 3,
      nextPageToken: "t",
    }),
  scheduleWorkflow: ({ workflows }) =>
    workflows.schedules.scheduleWorkflow({
      workflowIdentifier: "invoices",
      deploymentName: "alice",
      scheduleId: "nightly",
      schedule: {
        input,
        calendars: [calendar],
        intervals: [{ every: "PT4H", offset: "PT30M" }],
        cronExpressions: ["0 9 * * 1-5"],
        skip: [{ month: [{ start: 12 }] }],
        startAt: at,
        endAt: null,
        jitter: "PT5M",
        timeZoneName: "Europe/Paris",
        policy: { overlap: 3 },
        maxExecutions: 4,
      },
    }),
  getSchedule: ({ workflows }) => workflows.schedules.getSchedule({ scheduleId: "nightly" }),
  updateSchedule: ({ workflows }) =>
    workflows.schedules.updateSchedule({
      scheduleId: "nightly",
      workflowScheduleUpdateRequest: { schedule: { calendars: [calendar], endAt: null, policy: { overlap: 6 } } },
    }),
  unscheduleWorkflow: ({ workflows }) => workflows.schedules.unscheduleWorkflow({ scheduleId: "nightly" }),
  pauseSchedule: ({ workflows }) =>
    workflows.schedules.pauseSchedule({ scheduleId: "nightly", workflowSchedulePauseRequest: { note: "holidays" } }),
  resumeSchedule: ({ workflows }) => workflows.schedules.resumeSchedule({ scheduleId: "nightly" }),
  triggerSchedule: ({ workflows }) =>
    workflows.schedules.triggerSchedule({ scheduleId: "nightly", workflowScheduleTriggerRequest: null }),

  getWorkflowMetrics: ({ workflows }) =>
    workflows.metrics.getWorkflowMetrics({ workflowName: "invoices", startTime: at, endTime: at }),
  getWorkflowExecutionTraceInfo: ({ workflows }) => workflows.executions.getWorkflowExecutionTraceInfo({ executionId }),
  getWorkflowExecutionTraceOtel: ({ workflows }) => workflows.executions.getWorkflowExecutionTraceOtel({ executionId }),
  getWorkflowExecutionTraceSummary: ({ workflows }) =>
    workflows.executions.getWorkflowExecutionTraceSummary({ executionId }),
  getWorkflowExecutionTraceEvents: ({ workflows }) =>
    workflows.executions.getWorkflowExecutionTraceEvents({ executionId, mergeSameIdEvents: true }),
  getWorkflowExecutionLogs: ({ workflows }) =>
    workflows.executions.getWorkflowExecutionLogs({ executionId, runId, activityId: "3", after: at, before: at }),
  streamWorkflowExecutionLogs: ({ workflows }) =>
    workflows.executions.streamWorkflowExecutionLogs({ executionId, after: at, lastEventId: "1764322800000.3" }),
  getDeploymentLogs: ({ workflows }) =>
    workflows.deployments.getDeploymentLogs({ name: "alice", workerName: "host", order: "desc", limit: 9 }),
  streamDeploymentLogs: ({ workflows }) =>
    workflows.deployments.streamDeploymentLogs({ name: "alice", workflowName: "invoices" }),
};
