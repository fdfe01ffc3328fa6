/**
 * Whether the caller's API key may serve a deployment: any key, or the named ones if the deployment is hardened. A version
 * must be allowed by its deployment too.
 */
import type { DeploymentRecord } from "../../ports.ts";
import { notAuthorizedFor, type Refusal } from "../../protocol/errors.ts";
import type { RequestContext } from "../request-context.ts";

export async function notAuthorized(
  context: RequestContext,
  deployment: DeploymentRecord | null,
  version: { readonly of: string } | null | undefined = deployment?.version,
): Promise<Refusal | null> {
  const above = version && (await context.ports.registry.deployment(context.workspace, version.of));
  for (const each of [deployment, above]) {
    if (each?.authorizedKeys && !each.authorizedKeys.includes(context.key))
      return notAuthorizedFor(each.name, context.user);
  }
  return null;
}
