/** Server-sent events, and lists of events. */
import { STREAMS } from "../shared/api/areas/streams.ts";
import "../shared/aws/feed.ts"; // every stream reads it, so it loads with the function
import { streamingRest } from "./lib/streaming-rest.ts";

export const handler = streamingRest([STREAMS]);
