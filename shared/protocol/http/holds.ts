/** Holds: operations of Sirocco's own. */
import * as z from "zod";
import { DeploymentName, WorkflowName } from "../ids.ts";
import { MAX_HOLD_REASON, MAX_RELEASE_PER_SECOND, MIN_RELEASE_PER_SECOND } from "../limits.ts";
import { Timestamp } from "./fields.ts";

/** At least one of them. Both: the executions of this workflow in this deployment. */
const scope = { deployment_name: DeploymentName.optional(), workflow_name: WorkflowName.optional() };
const named = ({ deployment_name, workflow_name }: { deployment_name?: unknown; workflow_name?: unknown }) =>
  deployment_name !== undefined || workflow_name !== undefined;
const NAMED = { error: "name a deployment (deployment_name), a workflow (workflow_name), or both" };

export const HoldRequest = z
  .strictObject({ ...scope, reason: z.string().max(MAX_HOLD_REASON).optional() })
  .refine(named, NAMED)
  .meta({ id: "HoldRequest" });

/** `per_second`: workers get the tasks that were kept at this rate at most. Absent: at once. */
export const ReleaseRequest = z
  .strictObject({ ...scope, per_second: z.number().min(MIN_RELEASE_PER_SECOND).max(MAX_RELEASE_PER_SECOND).optional() })
  .refine(named, NAMED)
  .meta({ id: "ReleaseRequest" });

/** `deployment_name` null: of every deployment; `workflow_name` null: every workflow. `release` null: it is not released. */
export const HoldResponse = z
  .object({
    deployment_name: z.string().nullable(),
    workflow_name: z.string().nullable(),
    held_at: Timestamp,
    held_by: z.string().nullable(),
    reason: z.string().nullable(),
    /** `per_second` null: at once. The hold is gone when the tasks that it kept are through. */
    release: z.object({ begun_at: Timestamp, per_second: z.number().nullable() }).nullable(),
  })
  .meta({ id: "HoldResponse" });
export type HoldResponse = z.infer<typeof HoldResponse>;
export const HoldListResponse = z.object({ holds: z.array(HoldResponse) }).meta({ id: "HoldListResponse" });
