/** Replays recorded histories with the present code: the check that a change is safe for running executions. */
import type { EncodingOptions } from "../../shared/encoding/options.ts";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import { SuspectedError } from "../determinism/intact.ts";
import type { Log } from "../runtime/log.ts";
import { decodedEvents, undecodedEvent } from "../worker/encoding.ts";
import { codecOf } from "../worker/options.ts";
import type { AnyWorkflow } from "../workflow/define.ts";
import { WorkflowInstance } from "../workflow/instance.ts";

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The answer of `GET /v1/workflows/executions/{id}/history`, or the output of `sirocco history ID --json`. */
export interface RecordedHistory {
  readonly events: readonly HistoryEvent[];
}

/**
 * Replays a recorded history with a workflow. Resolves when the code decides what was recorded; throws `DivergenceError`
 * (expected and actual decision, step, event) when it does not. `encoding`: as that of the worker that recorded it; its keys
 * must fit.
 */
export async function replay(
  workflow: AnyWorkflow,
  history: RecordedHistory,
  options: { readonly encoding?: EncodingOptions } = {},
): Promise<void> {
  const [first] = history.events;
  if (first?.kind !== "execution_started") {
    throw new TypeError("this is not a recorded history: its first event must be 'execution_started'");
  }
  if (first.workflow !== workflow.name) {
    throw new TypeError(`this history is of workflow '${first.workflow}', not of '${workflow.name}'`);
  }
  const events = await decodedEvents(codecOf(options.encoding), history.events);
  const unread = undecodedEvent(events);
  if (unread) throw unread;
  const once = () => WorkflowInstance.create(workflow, { execution: first.root, log: quiet }).replay(events);
  await once().catch((error) => {
    if (error instanceof SuspectedError) return once(); // INTACT-2
    throw error;
  });
}
