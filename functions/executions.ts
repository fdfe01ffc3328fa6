/** Starts, reads, signals, queries, updates and ends executions. Answers stream, because some of these calls wait for minutes. */
import { EXECUTIONS } from "../shared/api/areas/executions.ts";
import { streamingRest } from "./lib/streaming-rest.ts";

export const handler = streamingRest([EXECUTIONS]);
