/** Operations on workflows, registrations, deployments and workers. */
import { REGISTRATION_ROWS } from "../../protocol/routes/registration.ts";
import { getDeployment, listDeployments, listWorkers } from "../deployments.ts";
import { listKeys, newKey, revokeKey } from "../keys.ts";
import { getRegistration, listRegistrations } from "../registrations.ts";
import type { HandlersOf, RouteModule } from "../route-module.ts";
import { workerInfo } from "../system.ts";
import { getWorkflow, listWorkflows } from "../workflows.ts";

const handlers: HandlersOf<"registration"> = {
  getWorkflows: (context, { query }) => listWorkflows(context, query),
  getWorkflow: (context, { params }) => getWorkflow(context, params.workflow_identifier),
  getWorkflowRegistrations: (context, { query }) => listRegistrations(context, query),
  getWorkflowRegistration: (context, { params, query }) =>
    getRegistration(context, params.workflow_registration_id, { withWorkflow: query.with_workflow }),

  listDeployments: (context, { query }) => listDeployments(context, query),
  getDeployment: (context, { params, query }) => getDeployment(context, params.name, query.workflow_name),
  listDeploymentWorkers: (context, { params, query }) => listWorkers(context, params.name, query),
  getWorkerInfo: (context) => workerInfo(context),

  listKeys: (context) => listKeys(context),
  createKey: (context, { body }) => newKey(context, body),
  revokeKey: (context, { params }) => revokeKey(context, params.key_id),
};

export const REGISTRATION: RouteModule = { routes: REGISTRATION_ROWS, handlers };
