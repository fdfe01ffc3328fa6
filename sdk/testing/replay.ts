/** Replays recorded histories with the present code: the check that a change is safe for running executions. */
import type { EncodingOptions } from "../../shared/encoding/options.ts";
import { codecOf } from "../worker/options.ts";
import { type RecordedHistory, replayHistory } from "../worker/replays.ts";
import type { AnyWorkflow } from "../workflow/define.ts";
import { hosted } from "../workflow/hosted.ts";

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
  if (first?.kind === "execution_started" && first.workflow !== workflow.name) {
    throw new TypeError(`this history is of workflow '${first.workflow}', not of '${workflow.name}'`);
  }
  await replayHistory(history, [hosted(workflow)], codecOf(options.encoding));
}
