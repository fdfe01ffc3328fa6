/** How the end of the workflow function becomes the closing decision of its run. */
import type { Decision } from "../../shared/protocol/history.ts";
import { derivedUuid } from "../determinism/random.ts";
import { CancelledError, isFailure } from "../errors.ts";
import { toFailure } from "../failure.ts";
import { toJson } from "../json.ts";
import { checked } from "../schema.ts";
import { ContinueAsNew, forgotten } from "./continue.ts";
import type { AnyWorkflow } from "./define.ts";
import type { WorkflowInstance } from "./instance.ts";
import { wrapResult } from "./result.ts";

export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Throws what is a bug: an error that is no failure, a result or a continuation that does not fit. */
export function closingDecision(instance: WorkflowInstance, definition: AnyWorkflow, outcome: Outcome): Decision {
  if ("error" in outcome) return failed(instance, outcome.error);
  if (outcome.value instanceof ContinueAsNew) return continued(instance, definition, outcome.value);
  if (instance.continuation) throw forgotten();
  const { output } = definition.options;
  const what = `the result of workflow "${definition.name}"`;
  const value = output ? checked(output, outcome.value, what) : outcome.value;
  return { kind: "execution_completed", result: wrapResult(toJson(value, what)) };
}

function failed(instance: WorkflowInstance, error: unknown): Decision {
  if (error instanceof CancelledError && instance.cancelRequested) {
    return { kind: "execution_cancelled", reason: instance.cancelRequested.reason };
  }
  if (isFailure(error) || instance.failOnAnyError) return { kind: "execution_failed", failure: toFailure(error) };
  throw error;
}

function continued(instance: WorkflowInstance, definition: AnyWorkflow, next: ContinueAsNew): Decision {
  const { input } = definition.options;
  if (input) checked(input, next.input, `the input of continueAsNew() in workflow "${definition.name}"`);
  return {
    kind: "execution_continued",
    run: derivedUuid(instance.started.run, "continue", 1),
    workflow: definition.name,
    input: next.input,
  };
}
