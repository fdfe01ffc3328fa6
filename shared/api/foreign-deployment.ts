/** A deployment to which the caller's key is not limited (RIGHTS-3). A key for a deployment is also one for its versions. */
import { forbidden, type Refusal } from "../protocol/errors.ts";
import type { RequestContext } from "./request-context.ts";

type Caller = Pick<RequestContext, "user" | "deployments" | "workspace" | "ports">;

/** The refusal of a change in this deployment, null: the key may make it. */
export async function foreign(context: Caller, deployment: string): Promise<Refusal | null> {
  const own = context.deployments;
  if (!own || own.includes(deployment)) return null;
  const version = (await context.ports.registry.deployment(context.workspace, deployment))?.version;
  if (version && own.includes(version.of)) return null;
  return forbidden(
    `The API key '${context.user}' is limited to ${own.map((d) => `'${d}'`).join(", ")} and may not do this in deployment '${deployment}'.`,
  );
}
