/** A workflow as a worker serves it, wherever its code runs: in this process, or in a host of another language. */
import type { WorkflowDefinition } from "../../shared/protocol/worker.ts";
import type { AnyWorkflow } from "./define.ts";
import { definitionOf } from "./definitions.ts";
import { WorkflowInstance } from "./instance.ts";
import type { Instance, InstanceOptions } from "./types.ts";

export interface HostedWorkflow {
  readonly name: string;
  /** Names the code and schemas in histories. */
  readonly hash: string;
  /** What is registered. */
  readonly definition: WorkflowDefinition;
  /** A run that knows nothing yet; its first event is `execution_started`. */
  create(options: InstanceOptions): Instance;
}

/** A workflow written with this SDK. */
export const hosted = (workflow: AnyWorkflow): HostedWorkflow => ({
  name: workflow.name,
  hash: workflow.hash,
  definition: definitionOf(workflow),
  create: (options) => WorkflowInstance.create(workflow, options),
});
