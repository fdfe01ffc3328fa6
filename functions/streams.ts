/** Server-sent events. */
import { streamingRest } from "./lib/rest.ts";

export const handler = streamingRest();
