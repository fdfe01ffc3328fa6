/** Recorded histories against today's code: the check that a change is safe for executions under way. */
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import type { Log } from "../runtime/log.ts";
import type { AnyWorkflow } from "../workflow/define.ts";
import { WorkflowInstance } from "../workflow/instance.ts";

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** What `GET /v1/workflows/executions/{id}/history` answers, or `sirocco history ID --json` prints. */
export interface RecordedHistory {
  readonly events: readonly HistoryEvent[];
}

/**
 * Replays a recorded history against a workflow. Resolves when today's code decides what was recorded; throws
 * `DivergenceError` (expected and actual decision, step, event) when it does not.
 */
export async function replay(workflow: AnyWorkflow, history: RecordedHistory): Promise<void> {
  const [first] = history.events;
  if (first?.kind !== "execution_started") {
    throw new TypeError("this is not a recorded history: its first event must be 'execution_started'");
  }
  if (first.workflow !== workflow.name) {
    throw new TypeError(`this history is of workflow '${first.workflow}', not of '${workflow.name}'`);
  }
  const instance = WorkflowInstance.create(workflow, { execution: first.root, log: quiet });
  await instance.replay(history.events);
}
