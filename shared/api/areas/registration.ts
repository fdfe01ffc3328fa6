/** Operations on workflows, registrations, deployments and workers. */
import { lazy } from "../../lib/lazy.ts";
import { REGISTRATION_ROWS } from "../../protocol/routes/registration.ts";
import { getDeployment, listDeployments, listWorkers } from "../deployments.ts";
import { listKeys, newKey, revokeKey, whoAmI } from "../keys.ts";
import { getRegistration, listRegistrations } from "../registrations.ts";
import type { HandlersOf, RouteModule } from "../route-module.ts";
import { workerInfo } from "../system.ts";
import { getWorkflow, listWorkflows } from "../workflows.ts";

/** Operations that are rare: their code is loaded at the first use. */
const load = {
  changes: lazy(() => import("../workflow-changes.ts")),
  hardening: lazy(() => import("../hardening.ts")),
  promotion: lazy(() => import("../promotion.ts")),
  retire: lazy(() => import("../retire.ts")),
  holds: lazy(() => import("../holds.ts")),
  logs: lazy(() => import("../logs.ts")),
  backup: lazy(() => import("../backup.ts")),
};

const handlers: HandlersOf<"registration"> = {
  getWorkflows: (context, { query }) => listWorkflows(context, query),
  getWorkflow: (context, { params }) => getWorkflow(context, params.workflow_identifier),
  updateWorkflow: async (context, { params, body }) =>
    (await load.changes()).updateWorkflow(context, params.workflow_identifier, body),
  addWorkflowTags: async (context, { params, body }) =>
    (await load.changes()).addTags(context, params.workflow_identifier, body.tags),
  archiveWorkflow: async (context, { params }) =>
    (await load.changes()).setArchived(context, params.workflow_identifier, true),
  unarchiveWorkflow: async (context, { params }) =>
    (await load.changes()).setArchived(context, params.workflow_identifier, false),
  bulkArchiveWorkflows: async (context, { body }) => (await load.changes()).archiveMany(context, body.workflow_ids),
  bulkUnarchiveWorkflows: async (context, { body }) => (await load.changes()).unarchiveMany(context, body.workflow_ids),
  getWorkflowRegistrations: (context, { query }) => listRegistrations(context, query),
  getWorkflowRegistration: (context, { params, query }) =>
    getRegistration(context, params.workflow_registration_id, { withWorkflow: query.with_workflow }),

  listDeployments: (context, { query }) => listDeployments(context, query),
  getDeployment: (context, { params, query }) => getDeployment(context, params.name, query.workflow_name),
  listDeploymentWorkers: (context, { params, query }) => listWorkers(context, params.name, query),
  hardenDeployment: async (context, { params, body }) =>
    (await load.hardening()).hardenDeployment(context, params.name, body.key_ids),
  unhardenDeployment: async (context, { params, query }) =>
    (await load.hardening()).unhardenDeployment(context, params.deployment_id, query.workspace_id),
  promoteDeployment: async (context, { params, body }) =>
    (await load.promotion()).promoteDeployment(context, params.name, body),
  rollBackDeployment: async (context, { params, body }) =>
    (await load.promotion()).rollBackDeployment(context, params.name, body),
  retireDeployment: async (context, { params }) => (await load.retire()).retireDeployment(context, params.name),
  getDeploymentLogs: async (context, { params, query }) =>
    (await load.logs()).deploymentLogs(context, params.name, query),
  getWorkerInfo: (context) => workerInfo(context),

  listHolds: async (context) => (await load.holds()).listHolds(context),
  holdWork: async (context, { body }) => (await load.holds()).holdWork(context, body),
  releaseHold: async (context, { body }) => (await load.holds()).releaseHold(context, body),

  whoAmI: (context) => whoAmI(context),
  listKeys: (context) => listKeys(context),
  createKey: (context, { body }) => newKey(context, body),
  revokeKey: (context, { params }) => revokeKey(context, params.key_id),
  createBackup: async (context) => (await load.backup()).createBackup(context),
};

export const REGISTRATION: RouteModule = { routes: REGISTRATION_ROWS, handlers };
