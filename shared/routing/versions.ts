/** The versions of a deployment's code among the deployments of a workspace (PINNED-2). */
import type { DeploymentRecord } from "../ports.ts";

export const versionsOf = (all: readonly DeploymentRecord[], deployment: string): DeploymentRecord[] =>
  all.filter(({ version }) => version?.of === deployment);
