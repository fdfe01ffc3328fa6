/** What `executions` and `streams` answer without a body: an answer that streams must have one (`functionOf` in `shared/aws/names.ts`). */
import { EXECUTIONS } from "../shared/api/areas/executions.ts";
import type { RequestContext } from "../shared/api/request-context.ts";
import type { RouteModule } from "../shared/api/route-module.ts";
import { lazy } from "../shared/lib/lazy.ts";
import { STREAM_ROWS } from "../shared/protocol/routes/streams.ts";
import { bufferedRest } from "./lib/http.ts";
import { initialize } from "./lib/initialize.ts";

/** HEAD of a stream is rare: its code is loaded at the first use. */
const streams = lazy(() => import("../shared/api/areas/streams.ts"));
const STREAMS: RouteModule = {
  routes: STREAM_ROWS,
  handlers: Object.fromEntries(
    STREAM_ROWS.map(({ operation }) => [
      operation,
      async (context: RequestContext, input: never) => (await streams()).STREAMS.handlers![operation]!(context, input),
    ]),
  ),
};

export const handler = bufferedRest([EXECUTIONS, STREAMS]);

// Terminations.
await initialize(() => import("../shared/aws/close.ts"));
