/** A deployment to which the caller's key is not limited (RIGHTS-3). */
import { forbidden, type Refusal } from "../protocol/errors.ts";
import type { RequestContext } from "./request-context.ts";

/** The refusal of a change in this deployment, null: the key may make it. */
export function foreign(context: Pick<RequestContext, "user" | "deployments">, deployment: string): Refusal | null {
  const own = context.deployments;
  if (!own || own.includes(deployment)) return null;
  return forbidden(
    `The API key '${context.user}' is limited to ${own.map((d) => `'${d}'`).join(", ")} and may not do this in deployment '${deployment}'.`,
  );
}
