/** Workflows and their registrations, deployments and their workers. */
import { REGISTRATION_ROWS } from "../../protocol/routes/registration.ts";
import { getDeployment, listDeployments, listWorkers } from "../deployments.ts";
import type { HandlersOf, Part } from "../handlers.ts";
import { getRegistration, listRegistrations } from "../registrations.ts";
import { workerInfo } from "../system.ts";
import { getWorkflow, listWorkflows } from "../workflows.ts";

const handlers: HandlersOf<"registration"> = {
  getWorkflows: (call, { query }) => listWorkflows(call, query),
  getWorkflow: (call, { params }) => getWorkflow(call, params.workflow_identifier),
  getWorkflowRegistrations: (call, { query }) => listRegistrations(call, query),
  getWorkflowRegistration: (call, { params, query }) =>
    getRegistration(call, params.workflow_registration_id, { withWorkflow: query.with_workflow }),

  listDeployments: (call, { query }) => listDeployments(call, query),
  getDeployment: (call, { params, query }) => getDeployment(call, params.name, query.workflow_name),
  listDeploymentWorkers: (call, { params, query }) => listWorkers(call, params.name, query),
  getWorkerInfo: (call) => workerInfo(call),
};

export const REGISTRATION: Part = { routes: REGISTRATION_ROWS, handlers };
