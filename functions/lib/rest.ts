/** A handler of API Gateway that answers at once; one that streams is in `streaming-rest.ts`. */
import middy from "@middy/core";
import type { RouteModule } from "../../shared/api/route-module.ts";
import { envelope, type LambdaContext } from "./envelope.ts";
import { apiAt, buffered, fromRest, type RestEvent, restUrl } from "./front.ts";

export const answering = (parts: readonly RouteModule[]) => (event: RestEvent, context: LambdaContext) =>
  apiAt(restUrl(event), parts).handle(fromRest(event, context));

export function bufferedRest(parts: readonly RouteModule[]) {
  const answer = answering(parts);
  return middy<RestEvent, unknown>()
    .use(envelope)
    .handler(async (event, context) => buffered(await answer(event, context)));
}
