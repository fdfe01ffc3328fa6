/** Starts, reads, signals, queries, updates and ends executions. Answers stream, because some of these calls wait for minutes. */
import { EXECUTIONS } from "../shared/api/areas/executions.ts";
import { initialize } from "./lib/initialize.ts";
import { streamingRest } from "./lib/streaming-rest.ts";

export const handler = streamingRest([EXECUTIONS]);

// Starts with an input, and looks at executions.
await initialize(
  () => import("../shared/routing/schema-check.ts"),
  () => import("../shared/aws/deployments.ts"),
);
