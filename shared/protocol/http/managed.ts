/** Deployments that the platform builds and runs itself. Only for the OpenAPI document: every call answers 501. */
import * as z from "zod";
import { DeploymentName } from "../ids.ts";
import { Timestamp } from "./fields.ts";

const BackendRequest = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("koyeb"),
    build_directory: z.string().nullish(),
    dockerfile_path: z.string().nullish(),
  }),
  z.object({ type: z.literal("kubernetes"), entrypoint: z.string().nullish(), working_dir: z.string().nullish() }),
]);
const BackendResponse = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("koyeb"),
    build_directory: z.string().nullable(),
    dockerfile_path: z.string().nullable(),
  }),
  z.object({
    type: z.literal("kubernetes"),
    entrypoint: z.string().nullable(),
    working_dir: z.string().nullable(),
  }),
]);
const ResourcesRequest = z.object({
  replicas: z.int().min(0).nullish(),
  cpu_request: z.string().nullish(),
  cpu_limit: z.string().nullish(),
  memory_request: z.string().nullish(),
  memory_limit: z.string().nullish(),
});
const spec = {
  revision: z.string().nullish(),
  backend_spec: BackendRequest.nullish(),
  entrypoint: z.string().nullish(),
  working_dir: z.string().nullish(),
};

export const CreateDeploymentRequest = z
  .object({
    name: DeploymentName,
    spec: z.object({ github_url: z.string(), ...spec }),
    resources: ResourcesRequest.nullish(),
    hardened: z.boolean().default(false),
  })
  .meta({ id: "CreateDeploymentRequest" });

export const UpdateDeploymentRequest = z
  .object({
    spec: z.object({ github_url: z.string().nullish(), ...spec }).nullish(),
    resources: ResourcesRequest.nullish(),
  })
  .meta({ id: "UpdateDeploymentRequest" });

const Commit = z.object({
  sha: z.string(),
  message: z.string().nullable(),
  author: z
    .object({ name: z.string().nullable(), username: z.string().nullable(), html_url: z.string().nullable() })
    .nullable(),
  html_url: z.string().nullable(),
});
const Build = z.object({
  phase: z.string().nullable(),
  commit_sha: z.string().nullable(),
  image: z.string().nullable(),
  message: z.string().nullable(),
  started_at: Timestamp.nullable(),
  finished_at: Timestamp.nullable(),
});
const Observed = z.object({
  phase: z.string().nullable(),
  available_replicas: z.int(),
  ready_replicas: z.int(),
  endpoint: z.string().nullable(),
  message: z.string().nullable(),
  last_seen: Timestamp.nullable(),
  deployed_revision: z.string().nullable(),
  generation: z.int().nullable(),
  build_state: Build.nullable(),
});

export const ManagedDeploymentResponse = z
  .object({
    service_id: z.string(),
    name: z.string(),
    spec: z.object({
      type: z.string(),
      github_url: z.string(),
      revision: z.string().nullable(),
      backend_spec: BackendResponse,
      commit_sha: z.string().nullable(),
      commit: Commit.nullable(),
      entrypoint: z.string().nullable(),
      working_dir: z.string().nullable(),
      restarted_at: z.string().nullable(),
    }),
    resources: z.object({
      replicas: z.int().nullable(),
      cpu_request: z.string().nullable(),
      cpu_limit: z.string().nullable(),
      memory_request: z.string().nullable(),
      memory_limit: z.string().nullable(),
    }),
    status: Observed,
    stopped: z.boolean(),
    rollout_status: z.string().nullable(),
    created_at: Timestamp,
    created_by: z.string().nullable(),
    updated_at: Timestamp,
    updated_by: z.string().nullable(),
    deployed_at: Timestamp.nullable(),
    deployed_by: z.string().nullable(),
    is_hardened: z.boolean(),
  })
  .meta({ id: "ManagedDeploymentResponse" });

export const DeploymentArchiveResponse = z
  .object({ archive_id: z.string(), download_url: z.string().nullable() })
  .meta({ id: "DeploymentArchiveResponse" });
