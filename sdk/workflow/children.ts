/** Child executions: called and awaited, or started and left to themselves. */

import type { Duration } from "../../shared/lib/duration.ts";
import { positiveMilliseconds } from "../../shared/lib/duration.ts";
import type { Failure, Millis, OnParentClose } from "../../shared/protocol/history.ts";
import { ExecutionId, idProblem } from "../../shared/protocol/ids.ts";
import { commandFrame } from "../determinism/frame.ts";
import { derivedUuid } from "../determinism/random.ts";
import { ChildError, type ChildStatus, UsageError, withoutFrames } from "../errors.ts";
import { fromFailure } from "../failure.ts";
import { toJson } from "../json.ts";
import { checkName } from "../names.ts";
import type { JsonSchema } from "../schema.ts";
import type { Workflow } from "./define.ts";
import type { WorkflowInstance } from "./instance.ts";
import { unwrapResult } from "./result.ts";
import type { Scope } from "./scope.ts";
import { ChildWait } from "./waits.ts";

export interface ChildOptions {
  /** Id of the child's execution, `[A-Za-z0-9_-]{1,256}`. Default: a uuid that follows from the run. */
  id?: string;
  /** What becomes of the child when this run closes first. Default: `terminate` for `child`, `abandon` for `start`. */
  onParentClose?: OnParentClose;
  /** Limit on the child's whole chain. Default: what the child's workflow says. */
  timeout?: Duration;
}

/** A started child. */
export interface ChildHandle<Out = unknown> {
  /** Id of its execution. */
  readonly execution: string;
  /** Its result. Rejects with `ChildError`; with `CancelledError` when this workflow was cancelled while it waited. */
  result(): Promise<Out>;
  /** Asks it to cancel; it may clean up. */
  cancel(): void;
}

type ChildArgs<In> =
  Record<never, never> extends In ? [input?: In, options?: ChildOptions] : [input: In, options?: ChildOptions];

/** Starts a child execution in the same deployment and awaits its result. Throws `ChildError`. */
export function child<In, Out>(workflow: Workflow<In, Out>, ...args: ChildArgs<In>): Promise<Out>;
/** The same for a workflow that this program does not import. */
export function child(workflow: string, input?: object, options?: ChildOptions): Promise<unknown>;
export async function child(
  workflow: Workflow | string,
  input?: unknown,
  options: ChildOptions = {},
): Promise<unknown> {
  const { instance, scope } = commandFrame("child()");
  const cancelled = scope.takeUndelivered();
  if (cancelled) throw cancelled;
  return new ChildRun(instance, workflow, input, { onParentClose: "terminate", ...options }).resultIn(scope);
}

/** Starts a child execution and goes on at once. */
export function start<In, Out>(workflow: Workflow<In, Out>, ...args: ChildArgs<In>): ChildHandle<Out>;
/** The same for a workflow that this program does not import. */
export function start(workflow: string, input?: object, options?: ChildOptions): ChildHandle;
export function start(workflow: Workflow | string, input?: unknown, options: ChildOptions = {}): ChildHandle<never> {
  const { instance } = commandFrame("start()");
  const run = new ChildRun(instance, workflow, input, { onParentClose: "abandon", ...options });
  return {
    execution: run.execution,
    result: async () => {
      const { scope } = commandFrame("result() of a child");
      return (await run.resultIn(scope)) as never;
    },
    cancel: () => {
      commandFrame("cancel() of a child");
      run.cancel();
    },
  };
}

type ChildEnd = { readonly result: unknown } | { readonly error: Error };

export class ChildRun {
  readonly number: number;
  readonly workflow: string;
  readonly execution: string;
  readonly #instance: WorkflowInstance;
  readonly #outputSchema: JsonSchema | null;
  readonly #waits = new Set<ChildWait>();
  #end: ChildEnd | null = null;
  #cancelled = false;

  constructor(
    instance: WorkflowInstance,
    workflow: Workflow | string,
    input: unknown,
    options: ChildOptions & { onParentClose: OnParentClose },
  ) {
    this.workflow = typeof workflow === "string" ? checkName("workflow", workflow) : workflow.name;
    const what = `child "${this.workflow}"`;
    const value = toJson(input ?? {}, `the input of ${what}`);
    const timeoutMs: Millis | undefined =
      options.timeout === undefined ? undefined : positiveMilliseconds(options.timeout, `${what}, timeout`);
    const problem = options.id === undefined ? undefined : idProblem(ExecutionId, options.id);
    if (problem !== undefined) throw new UsageError(`${what}, id: ${problem}`);
    this.#instance = instance;
    this.#outputSchema = typeof workflow === "string" ? null : workflow.outputSchema;
    this.number = instance.number("child");
    this.execution = options.id ?? derivedUuid(instance.started.run, "child", this.number);
    instance.children.set(this.number, this);
    instance.countBytes(value);
    instance.decide({
      kind: "child_scheduled",
      child: this.number,
      workflow: this.workflow,
      execution: this.execution,
      input: value,
      on_parent_close: options.onParentClose,
      ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
    });
  }

  describe(): string {
    return `child ${this.number} "${this.workflow}" (${this.execution})`;
  }

  resultIn(scope: Scope): Promise<unknown> {
    if (this.#end) return "error" in this.#end ? Promise.reject(this.#end.error) : Promise.resolve(this.#end.result);
    const cancelled = scope.takeUndelivered();
    if (cancelled) return Promise.reject(cancelled);
    const wait = new ChildWait(this.#instance, scope, this);
    this.#waits.add(wait);
    return wait.promise;
  }

  cancel(): void {
    if (this.#end || this.#cancelled) return;
    this.#cancelled = true;
    this.#instance.decide({ kind: "child_cancel_requested", child: this.number, execution: this.execution });
  }

  completed(travelled: unknown): void {
    this.#ended({ result: unwrapResult(travelled, this.#outputSchema) });
  }

  failed(status: ChildStatus, failure: Failure): void {
    const { workflow, execution } = this;
    const how = status === "START_FAILED" ? "could not be started" : `ended as ${status}`;
    const message = `child "${workflow}" (${execution}) ${how}: ${failure.message}`;
    const error = new ChildError(message, { workflow, execution, status, cause: fromFailure(failure) });
    this.#ended({ error: withoutFrames(error) });
  }

  #ended(end: ChildEnd): void {
    this.#end = end;
    this.#instance.children.delete(this.number);
    for (const wait of this.#waits) wait.end(end);
    this.#waits.clear();
  }
}
