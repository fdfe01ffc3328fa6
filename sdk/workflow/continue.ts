/** `continueAsNew`: ends a run and begins the next one of the same execution, with a fresh history. */

import { isObject } from "../../shared/protocol/json-value.ts";
import { UsageError } from "../errors.ts";
import { type Json, toPayload } from "../json.ts";
import { commandFrame, workflowFrame } from "../runtime/frame.ts";

/** The value of `continueAsNew`, which the workflow function must return. `In`: the input of the next run. */
export class ContinueAsNew<In = unknown> {
  /** Private, so that a result of the same shape is not assignable to this type. */
  readonly #input: Json;
  /** Carries the type; it is never set. */
  declare readonly types?: In;
  constructor(input: Json) {
    this.#input = input;
  }
  get input(): Json {
    return this.#input;
  }
}

/**
 * `return continueAsNew(input)` ends this run and begins the next one of the same execution, with a fresh history and
 * this input (left out: `{}`), which must fit the workflow's own input schema. The next run receives the messages that
 * arrived and were not handled yet; open activities and timers of this run are dropped. An execution begins ten runs at
 * once this way, then one every 6 s; runs of 1,000 events and more do not count.
 */
// biome-ignore lint/complexity/noBannedTypes: the input `{}`, which fits every schema without required fields
export function continueAsNew(): ContinueAsNew<{}>;
export function continueAsNew<In extends object>(input: In): ContinueAsNew<In>;
export function continueAsNew(input: object = {}): ContinueAsNew {
  const { ops } = commandFrame("continueAsNew()");
  const payload = toPayload(input, "the input of continueAsNew()");
  if (!isObject(payload)) {
    throw new UsageError("the input of continueAsNew() must be an object, as the input of every workflow is.");
  }
  const next = new ContinueAsNew(payload);
  ops.noteContinuation();
  return next;
}

/**
 * True once the run's history has grown so long (10,240 events or roughly 10 MB) that it is time for
 * `return continueAsNew(…)`; a run ends for good at 51,200 events or 50 MB.
 */
export function historyIsLong(): boolean {
  return workflowFrame("historyIsLong()").ops.historyIsLong;
}

/** The code called `continueAsNew` and then returned something else, which is surely a mistake. */
export const continuationNotReturned = (): UsageError =>
  new UsageError("continueAsNew() was called but its value was not returned: write `return continueAsNew(input)`.");
