/** Turns the end of the workflow function into the closing decision of its run. */
import type { Decision } from "../../shared/protocol/history.ts";
import { CancelledError, isFailure } from "../errors.ts";
import { toFailure } from "../failure.ts";
import { toJson } from "../json.ts";
import { derivedUuid } from "../runtime/random.ts";
import { checked } from "../schema.ts";
import { ContinueAsNew, continuationNotReturned } from "./continue.ts";
import type { AnyWorkflow } from "./define.ts";
import { wrapResult } from "./result.ts";

/** How the workflow function ended. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** What a closing decision depends on besides the outcome. */
export interface EndingRun {
  readonly run: string;
  readonly cancelRequested: CancelledError | null;
  /** `continueAsNew` was called. */
  readonly continuationMade: boolean;
  readonly failOnAnyError: boolean;
}

/**
 * Throws if the outcome is a bug of the code: an error that is not a failure, a result or a continuation that does not fit
 * its schema, a continuation that was not returned.
 */
export function closingDecision(ending: EndingRun, definition: AnyWorkflow, outcome: Outcome): Decision {
  if ("error" in outcome) return failed(ending, outcome.error);
  if (outcome.value instanceof ContinueAsNew) return continued(ending, definition, outcome.value);
  if (ending.continuationMade) throw continuationNotReturned();
  const { output } = definition.options;
  const what = `the result of workflow "${definition.name}"`;
  const value = output ? checked(output, outcome.value, what) : outcome.value;
  return { kind: "execution_completed", result: wrapResult(toJson(value, what)) };
}

function failed(ending: EndingRun, error: unknown): Decision {
  if (error instanceof CancelledError && ending.cancelRequested) {
    return { kind: "execution_cancelled", reason: ending.cancelRequested.reason };
  }
  if (isFailure(error) || ending.failOnAnyError) return { kind: "execution_failed", failure: toFailure(error) };
  throw error;
}

function continued(ending: EndingRun, definition: AnyWorkflow, next: ContinueAsNew): Decision {
  const { input } = definition.options;
  if (input) checked(input, next.input, `the input of continueAsNew() in workflow "${definition.name}"`);
  return {
    kind: "execution_continued",
    run: derivedUuid(ending.run, "continue", 1),
    workflow: definition.name,
    input: next.input,
  };
}
