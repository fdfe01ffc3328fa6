/** Handlers whose answers all stream. Apart from `http.ts`, so that other handlers do not load middy's streaming mode. */
import middy from "@middy/core";
import { executionModeStreamifyResponse } from "@middy/core/StreamifyResponse";
import type { RouteModule } from "../../shared/api/route-module.ts";
import { envelope, type LambdaContext } from "./envelope.ts";
import { answerRest, fromRest, type RestEvent, streamed, whole } from "./http.ts";

/** For a function whose `response` in `shared/aws/names.ts` is `stream`. `mostMs`: the longest time for which it answers. */
export function streamingRest(modules: readonly RouteModule[], mostMs?: number) {
  return middy<RestEvent, unknown>({ executionMode: executionModeStreamifyResponse })
    .use(envelope)
    .handler(async (event, context) => {
      const request = fromRest(event, context as unknown as LambdaContext, mostMs);
      return streamed(await answerRest(modules, event, whole(request)));
    });
}
