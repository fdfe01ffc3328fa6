/** What the API shows of a current deployment. */
import type { CurrentDeployment } from "../ports.ts";
import type { CurrentDeploymentResponse } from "../protocol/http/deployments.ts";
import { timestamp } from "../protocol/http/fields.ts";

export function currentView(of: CurrentDeployment): CurrentDeploymentResponse {
  return {
    workflow_name: of.workflow,
    current_deployment: of.deployment,
    previous_deployment: of.previous,
    ramp: of.ramp && { deployment_name: of.ramp.deployment, percent: of.ramp.percent },
    changed_at: timestamp(of.changedAt),
    changed_by: of.changedBy,
  };
}
