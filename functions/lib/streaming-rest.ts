/** Handlers whose answers all stream. Apart from `http.ts`, so that other handlers do not load middy's streaming mode. */
import middy from "@middy/core";
import { executionModeStreamifyResponse } from "@middy/core/StreamifyResponse";
import type { RouteModule } from "../../shared/api/route-module.ts";
import { envelope } from "./envelope.ts";
import { answerRest, type RestEvent, streamed, whole } from "./http.ts";

/** For a function whose `response` in `shared/aws/names.ts` is `stream`. */
export function streamingRest(modules: readonly RouteModule[]) {
  return middy<RestEvent, unknown>({ executionMode: executionModeStreamifyResponse })
    .use(envelope)
    .handler(async (event, context) => streamed(await answerRest(modules, event, context, whole)));
}
