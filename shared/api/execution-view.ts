/** An execution or a run as clients see it. */
import { beginsAt } from "../core/run-interval.ts";
import type { RunSummary } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";
import type { WorkflowExecutionResponse, WorkflowExecutionWithoutResult } from "../protocol/http/executions.ts";
import { timestamp } from "../protocol/http/fields.ts";

/** `workflowId`: id of the head's workflow; null if that workflow is not registered. */
export function withoutResult(head: RunSummary, workflowId: string | null): WorkflowExecutionWithoutResult {
  return {
    workflow_name: head.workflow,
    workflow_id: workflowId,
    execution_id: head.execution,
    run_id: head.run,
    root_execution_id: head.root,
    parent_execution_id: head.parent?.execution ?? null,
    deployment_name: head.deployment,
    user_id: head.user,
    status: head.status,
    start_time: timestamp(head.started_at),
    end_time: head.closed_at === null ? null : timestamp(head.closed_at),
    total_duration_ms: head.closed_at === null ? null : head.closed_at - head.started_at,
  };
}

export function withResult(
  head: Head,
  workflowId: string | null,
  o: { searchKeys: boolean; now: Millis },
): WorkflowExecutionResponse {
  return {
    ...withoutResult(head, workflowId),
    result: head.status === "COMPLETED" ? head.result : null,
    search_keys: o.searchKeys ? head.search_keys : null,
    hold: holdOf(head, o.now),
    cost: head.status === "RUNNING" ? null : (head.cost ?? null),
  };
}

/** PACE-1. */
function holdOf(head: Head, now: Millis): WorkflowExecutionResponse["hold"] {
  const until = head.status === "RUNNING" ? beginsAt(head, now) : null;
  return until === null ? null : { reason: "continues_as_new_too_often", until: timestamp(until) };
}
