/** A handler of API Gateway whose every answer is a stream. */
import middy from "@middy/core";
import { executionModeStreamifyResponse } from "@middy/core/StreamifyResponse";
import type { RouteModule } from "../../shared/api/route-module.ts";
import { envelope } from "./envelope.ts";
import { type RestEvent, streamed } from "./front.ts";
import { answering } from "./rest.ts";

export function streamingRest(parts: readonly RouteModule[]) {
  const answer = answering(parts);
  return middy<RestEvent, unknown>({ executionMode: executionModeStreamifyResponse })
    .use(envelope)
    .handler(async (event, context) => streamed(await answer(event, context)));
}
