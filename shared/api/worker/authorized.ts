/** Whether the caller's API key may serve a deployment: any key, or the named ones if the deployment is hardened. */
import { notAuthorizedFor, type Refusal } from "../../protocol/errors.ts";
import type { RequestContext } from "../request-context.ts";

export async function notAuthorized(context: RequestContext, deployment: string): Promise<Refusal | null> {
  const found = await context.ports.registry.deployment(context.workspace, deployment);
  if (!found?.authorizedKeys || found.authorizedKeys.includes(context.key)) return null;
  return notAuthorizedFor(deployment, context.user);
}
