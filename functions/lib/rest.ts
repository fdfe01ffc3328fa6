/** Handlers of API Gateway: they differ in whether they stream, and in the rights that the stack gives them. */
import middy from "@middy/core";
import { executionModeStreamifyResponse } from "@middy/core/StreamifyResponse";
import type { Part } from "../../shared/api/handlers.ts";
import { envelope, type LambdaContext } from "./envelope.ts";
import { apiAt, buffered, fromRest, type RestEvent, restUrl, streamed } from "./front.ts";

const answering = (parts: readonly Part[]) => (event: RestEvent, context: LambdaContext) =>
  apiAt(restUrl(event), parts).handle(fromRest(event, context));

export function streamingRest(parts: readonly Part[]) {
  const answer = answering(parts);
  return middy<RestEvent, unknown>({ executionMode: executionModeStreamifyResponse })
    .use(envelope)
    .handler(async (event, context) => streamed(await answer(event, context)));
}

export function bufferedRest(parts: readonly Part[]) {
  const answer = answering(parts);
  return middy<RestEvent, unknown>()
    .use(envelope)
    .handler(async (event, context) => buffered(await answer(event, context)));
}
