/** Server-sent events, and lists of events. */
import { STREAMS } from "../shared/api/areas/streams.ts";
import "../shared/aws/feed.ts"; // every stream reads it, so it loads with the function
import { ENV } from "../shared/aws/names.ts";
import { initialize } from "./lib/initialize.ts";
import { numberIn } from "./lib/installation.ts";
import { streamingRest } from "./lib/streaming-rest.ts";

export const handler = streamingRest([STREAMS], numberIn(ENV.streamSeconds, 90) * 1_000);

await initialize(() => import("../shared/aws/feed.ts"));
