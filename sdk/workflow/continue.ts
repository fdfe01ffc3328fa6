/** Going on with a fresh history. */

import { commandFrame, workflowFrame } from "../determinism/frame.ts";
import { UsageError } from "../errors.ts";
import { type Json, toJson } from "../json.ts";

/** What `continueAsNew` returns and the workflow function must return in turn. */
export class ContinueAsNew {
  /** Private, so that no result of a workflow is taken for one. */
  readonly #input: Json;
  constructor(input: Json) {
    this.#input = input;
  }
  get input(): Json {
    return this.#input;
  }
}

/**
 * `return continueAsNew(input)` ends this run and begins the next one of the same execution, with a fresh history and
 * this input (left out: `{}`). Messages that arrived and were not yet handled reach the next run; open activities and
 * timers of this run are dropped.
 */
export function continueAsNew(input: object = {}): ContinueAsNew {
  const { instance } = commandFrame("continueAsNew()");
  const next = new ContinueAsNew(toJson(input, "the input of continueAsNew()"));
  instance.continuation = next;
  return next;
}

/**
 * True once the run's history has grown so long (10,240 events or roughly 10 MB) that it is time for
 * `return continueAsNew(…)`; a run ends for good at 51,200 events or 50 MB.
 */
export function historyIsLong(): boolean {
  return workflowFrame("historyIsLong()").instance.historyIsLong;
}

/** A continuation was made and then not returned: surely a slip. */
export const forgotten = (): UsageError =>
  new UsageError("continueAsNew() was called but its value was not returned: write `return continueAsNew(input)`.");
