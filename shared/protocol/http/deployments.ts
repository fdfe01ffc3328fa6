/** Deployments and their workers. */
import * as z from "zod";
import { WorkflowName } from "../ids.ts";
import { MAX_AUTHORIZED_KEYS, MAX_SMALL_PAGE, MAX_WORKER_LIST } from "../limits.ts";
import { WorkerLoad } from "../worker-load.ts";
import { Cursor, Order, pageSize, Timestamp } from "./fields.ts";
import { ManagedDeploymentResponse } from "./managed.ts";

const LocationType = z.enum(["local", "k8s", "managed"]);
export const DeploymentLocation = z
  .object({
    location_type: LocationType,
    k8s_cluster: z.string().nullable(),
    k8s_namespace: z.string().nullable(),
  })
  .meta({ id: "DeploymentLocation" });

/** Without `order_by`: active deployments first, then by creation. A deployment must match one of `location_types`. */
export const ListDeploymentsQuery = z.object({
  active_only: z.boolean().default(true),
  is_hardened: z.boolean().optional(),
  workflow_name: z.string().optional(),
  created_by: z.string().optional(),
  owner: z.string().optional(),
  repository_url: z.string().optional(),
  dockerfile_path: z.string().optional(),
  location_types: z.array(LocationType).optional(),
  search: z.string().optional(),
  order_by: z.enum(["updated_at", "created_at"]).optional(),
  order: Order.default("desc"),
  limit: pageSize(MAX_SMALL_PAGE),
  cursor: Cursor.optional(),
  workspace_id: z.string().optional(),
  /** Own: answers also `oldest_execution` and `safe_to_stop`, for which the server looks at the executions of each deployment. */
  with_executions: z.boolean().optional(),
});

/** `current_deployment` null: the workflow has none, and several active deployments are ambiguous. */
export const CurrentDeploymentResponse = z
  .object({
    workflow_name: z.string(),
    current_deployment: z.string().nullable(),
    previous_deployment: z.string().nullable(),
    ramp: z.object({ deployment_name: z.string(), percent: z.number() }).nullable(),
    changed_at: Timestamp,
    changed_by: z.string().nullable(),
  })
  .meta({ id: "CurrentDeploymentResponse" });
export type CurrentDeploymentResponse = z.infer<typeof CurrentDeploymentResponse>;

/**
 * `is_active`: at least one live worker. `updated_at` and `last_heartbeat` are the same moment. `authorized_key_ids`: the
 * API keys with which workers may register, null = every key (not hardened).
 */
const deployment = {
  id: z.string(),
  name: z.string(),
  is_active: z.boolean(),
  is_hardened: z.boolean(),
  created_at: Timestamp,
  updated_at: Timestamp,
  last_heartbeat: Timestamp,
  owner: z.string().nullable(),
  location: DeploymentLocation.nullable(),
  locations: z.array(LocationType),
  worker_count: z.int().min(0),
  active_worker_count: z.int().min(0),
  authorized_key_ids: z.array(z.string()).nullable(),
  managed: ManagedDeploymentResponse.nullable(),
  /** Own fields. The deployment is this version of the code of another deployment, for its pinned executions; null: it is none. */
  version_of: z.string().nullable(),
  version: z.string().nullable(),
  /** Own fields. Workflows whose starts go here where they name no deployment, with the part that a ramp leads here. */
  current_for: z.array(CurrentDeploymentResponse.extend({ percent: z.number() })),
  /** The oldest execution that runs here; null: none does. Absent where the caller has not asked. */
  oldest_execution: z.object({ execution_id: z.string(), started_at: Timestamp }).nullish(),
  /**
   * Nothing runs here, and starts that name no deployment go elsewhere, so its workers can be stopped for good. Absent where
   * the caller has not asked.
   */
  safe_to_stop: z.boolean().optional(),
};
export const DeploymentResponse = z.object(deployment).meta({ id: "DeploymentResponse" });
export type DeploymentResponse = z.infer<typeof DeploymentResponse>;

export const DeploymentListResponse = z
  .object({
    deployments: z.array(DeploymentResponse),
    workspace_id: z.string(),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "DeploymentListResponse" });

/**
 * `session_id`, `process_id`: tell workers of one name apart, which the workers on one host have unless they choose one. `load`:
 * as of the last heartbeat; null: the worker has not told it.
 */
export const DeploymentWorkerResponse = z
  .object({
    name: z.string(),
    session_id: z.string(),
    process_id: z.int().nullable(),
    is_active: z.boolean(),
    created_at: Timestamp,
    updated_at: Timestamp,
    last_heartbeat: Timestamp,
    location: DeploymentLocation.nullable(),
    load: WorkerLoad.nullable(),
  })
  .meta({ id: "DeploymentWorkerResponse" });
export type DeploymentWorkerResponse = z.infer<typeof DeploymentWorkerResponse>;

/** With `workflow_name`, the counts and `is_active` concern only workers that serve that workflow. */
export const GetDeploymentQuery = z.object({ workflow_name: z.string().optional() });
export const DeploymentDetailResponse = z
  .object({ ...deployment, workers: z.array(DeploymentWorkerResponse) })
  .meta({ id: "DeploymentDetailResponse" });

export const ListWorkersQuery = z.object({
  worker_status: z.enum(["active", "inactive"]).optional(),
  limit: pageSize(MAX_SMALL_PAGE),
  cursor: Cursor.optional(),
});
export const DeploymentWorkerListResponse = z
  .object({ workers: z.array(DeploymentWorkerResponse), next_cursor: z.string().nullable() })
  .meta({ id: "DeploymentWorkerListResponse" });

export const UnhardenQuery = z.object({ workspace_id: z.string().optional() });

/** Own operation: only these API keys may register workers of the deployment. Replaces the keys of an earlier call. */
export const HardenRequest = z
  .strictObject({ key_ids: z.array(z.string()).min(1).max(MAX_AUTHORIZED_KEYS) })
  .meta({ id: "HardenRequest" });
export const HardenResponse = z
  .object({ id: z.string(), name: z.string(), is_hardened: z.boolean(), authorized_key_ids: z.array(z.string()) })
  .meta({ id: "HardenResponse" });

const WorkflowNames = z.array(WorkflowName).min(1).max(MAX_WORKER_LIST).optional();
/**
 * Own operation: starts that name no deployment go to this one. `workflow_names`: of these workflows; absent: of all that the
 * deployment registers. `ramp_percent`: only this part of the executions, the others stay with the current deployment.
 */
export const PromoteRequest = z
  .strictObject({ workflow_names: WorkflowNames, ramp_percent: z.number().min(0.01).max(100).optional() })
  .meta({ id: "PromoteRequest" });
/** Own operation: ends the ramps to this deployment; where it is current, the deployment before it is current again. */
export const RollBackRequest = z.strictObject({ workflow_names: WorkflowNames }).meta({ id: "RollBackRequest" });
export const PromotionResponse = z
  .object({ deployment_name: z.string(), workflows: z.array(CurrentDeploymentResponse) })
  .meta({ id: "PromotionResponse" });

/** Own operation: the deployment registers no workflows any more. `workflow_names`: those that it had. */
export const RetirementResponse = z
  .object({ deployment_name: z.string(), workflow_names: z.array(z.string()) })
  .meta({ id: "RetirementResponse" });
