/** Workflows and their registrations; deployments and their workers. */
import * as deployments from "../http/deployments.ts";
import * as holds from "../http/holds.ts";
import * as keys from "../http/keys.ts";
import * as managed from "../http/managed.ts";
import * as observability from "../http/observability.ts";
import * as system from "../http/system.ts";
import * as workflows from "../http/workflows.ts";
import { BACKUPS, DEPLOYMENT, empty, file, HOLDS, json, KEYS, NOT_HOSTED, REGISTRATION, WORKFLOWS } from "./row.ts";

const ids = { body: workflows.WorkflowIdsRequest };
const hosting = { response: managed.ManagedDeploymentResponse, success: 202, ...NOT_HOSTED };

export const REGISTRATION_ROWS = [
  // Workflows and registrations
  json("getWorkflows", "GET", WORKFLOWS, "registration", {
    query: workflows.ListWorkflowsQuery,
    response: workflows.WorkflowListResponse,
  }),
  json("getWorkflow", "GET", `${WORKFLOWS}/{workflow_identifier}`, "registration", {
    cache: "private",
    response: workflows.WorkflowGetResponse,
  }),
  json("updateWorkflow", "PUT", `${WORKFLOWS}/{workflow_identifier}`, "registration", {
    body: workflows.WorkflowUpdateRequest,
    response: workflows.WorkflowUpdateResponse,
  }),
  empty("addWorkflowTags", "POST", `${WORKFLOWS}/{workflow_identifier}/tags`, "registration", {
    body: workflows.AddTagsRequest,
  }),
  json("archiveWorkflow", "PUT", `${WORKFLOWS}/{workflow_identifier}/archive`, "registration", {
    response: workflows.WorkflowArchiveResponse,
  }),
  json("unarchiveWorkflow", "PUT", `${WORKFLOWS}/{workflow_identifier}/unarchive`, "registration", {
    response: workflows.WorkflowUnarchiveResponse,
  }),
  json("bulkArchiveWorkflows", "PUT", `${WORKFLOWS}/archive`, "registration", {
    ...ids,
    response: workflows.WorkflowBulkArchiveResponse,
  }),
  json("bulkUnarchiveWorkflows", "PUT", `${WORKFLOWS}/unarchive`, "registration", {
    ...ids,
    response: workflows.WorkflowBulkUnarchiveResponse,
  }),
  json("getWorkflowRegistrations", "GET", `${WORKFLOWS}/registrations`, "registration", {
    cache: "private",
    query: workflows.ListRegistrationsQuery,
    response: workflows.WorkflowRegistrationListResponse,
  }),
  json("getWorkflowRegistration", "GET", REGISTRATION, "registration", {
    cache: "private",
    query: workflows.GetRegistrationQuery,
    response: workflows.WorkflowRegistrationGetResponse,
  }),

  // Deployments and workers
  json("listDeployments", "GET", `${WORKFLOWS}/deployments`, "registration", {
    query: deployments.ListDeploymentsQuery,
    response: deployments.DeploymentListResponse,
  }),
  json("getDeployment", "GET", DEPLOYMENT, "registration", {
    query: deployments.GetDeploymentQuery,
    response: deployments.DeploymentDetailResponse,
  }),
  json("listDeploymentWorkers", "GET", `${DEPLOYMENT}/workers`, "registration", {
    query: deployments.ListWorkersQuery,
    response: deployments.DeploymentWorkerListResponse,
  }),
  json("getWorkerInfo", "GET", `${WORKFLOWS}/workers/whoami`, "registration", { response: system.WhoAmIResponse }),
  empty("unhardenDeployment", "POST", `${WORKFLOWS}/deployments/{deployment_id}/unharden`, "registration", {
    query: deployments.UnhardenQuery,
  }),
  json("hardenDeployment", "POST", `${DEPLOYMENT}/harden`, "registration", {
    body: deployments.HardenRequest,
    response: deployments.HardenResponse,
  }),
  json("promoteDeployment", "POST", `${DEPLOYMENT}/promote`, "registration", {
    body: deployments.PromoteRequest,
    optionalBody: true,
    response: deployments.PromotionResponse,
  }),
  json("rollBackDeployment", "POST", `${DEPLOYMENT}/rollback`, "registration", {
    body: deployments.RollBackRequest,
    optionalBody: true,
    response: deployments.PromotionResponse,
  }),
  json("retireDeployment", "POST", `${DEPLOYMENT}/retire`, "registration", {
    response: deployments.RetirementResponse,
  }),
  json("createDeployment", "POST", `${WORKFLOWS}/deployments`, "registration", {
    body: managed.CreateDeploymentRequest,
    ...hosting,
  }),
  json("updateDeployment", "PATCH", DEPLOYMENT, "registration", { body: managed.UpdateDeploymentRequest, ...hosting }),
  json("deleteDeployment", "DELETE", DEPLOYMENT, "registration", hosting),
  json("stopDeployment", "POST", `${DEPLOYMENT}/stop`, "registration", hosting),
  json("startDeployment", "POST", `${DEPLOYMENT}/start`, "registration", hosting),
  json("restartDeployment", "POST", `${DEPLOYMENT}/restart`, "registration", hosting),
  json("getDeploymentArchive", "GET", `${DEPLOYMENT}/archive`, "registration", {
    response: managed.DeploymentArchiveResponse,
    ...NOT_HOSTED,
  }),

  // Metrics, traces, logs
  json("getDeploymentLogs", "GET", `${DEPLOYMENT}/logs`, "registration", {
    query: observability.DeploymentLogsQuery,
    response: observability.LogSearchResponse,
  }),

  // Holds
  json("listHolds", "GET", HOLDS, "registration", { response: holds.HoldListResponse }),
  json("holdWork", "POST", HOLDS, "registration", { body: holds.HoldRequest, response: holds.HoldResponse }),
  json("releaseHold", "POST", `${HOLDS}/release`, "registration", {
    body: holds.ReleaseRequest,
    response: holds.HoldResponse,
  }),

  // API keys
  json("whoAmI", "GET", "/v1/whoami", "registration", { response: keys.CallerResponse }),
  json("listKeys", "GET", KEYS, "registration", { response: keys.KeyListResponse }),
  json("createKey", "POST", KEYS, "registration", {
    body: keys.CreateKeyRequest,
    response: keys.CreatedKeyResponse,
    success: 201,
  }),
  empty("revokeKey", "DELETE", `${KEYS}/{key_id}`, "registration", {}),
  file("createBackup", BACKUPS, "registration", {}),
] as const;
