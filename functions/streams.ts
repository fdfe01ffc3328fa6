/** Server-sent events, and lists of events. */
import { STREAMS } from "../shared/api/areas/streams.ts";
import { streamingRest } from "./lib/streaming-rest.ts";

export const handler = streamingRest([STREAMS]);
