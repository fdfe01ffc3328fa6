/** Child executions: `child` starts one and awaits its result, `start` starts one and goes on. */
import type { Duration } from "../../shared/lib/duration.ts";
import type { Failure, OnParentClose } from "../../shared/protocol/history.ts";
import { ExecutionId, idProblem } from "../../shared/protocol/ids.ts";
import { ChildError, type ChildStatus, UsageError, withoutFrames } from "../errors.ts";
import { toPayload } from "../json.ts";
import { checkName } from "../names.ts";
import { fromFailure } from "../revive.ts";
import { commandFrame } from "../runtime/frame.ts";
import type { OpenChild, WorkflowOps } from "../runtime/ops.ts";
import { limitMs } from "../runtime/passed.ts";
import type { Scope } from "../runtime/scope.ts";
import { ChildWait } from "../runtime/waits.ts";
import type { JsonSchema } from "../schema.ts";
import type { Workflow } from "./define.ts";
import { type Messages, messagesTo } from "./external.ts";
import { unwrapResult } from "./result.ts";

export interface ChildOptions {
  /** Id of the child's execution, 1 to 256 of `A-Z a-z 0-9 _ -`. Default: a uuid that follows from the run. */
  id?: string;
  /** What happens to the child if this run closes first. Default: `terminate` for `child`, `abandon` for `start`. */
  onParentClose?: OnParentClose;
  /** Limit on the child's whole chain. Default: the timeout of the child's workflow. */
  timeout?: Duration;
}

/** A started child. */
export interface ChildHandle<Out = unknown> extends Messages {
  /** Id of its execution. */
  readonly execution: string;
  /** Its result. Rejects with `ChildError`; with `CancelledError` when this workflow was cancelled while it waited. */
  result(): Promise<Out>;
  /** Requests its cancellation; the child may clean up before it ends. */
  cancel(): void;
}

type ChildArgs<In> =
  Record<never, never> extends In ? [input?: In, options?: ChildOptions] : [input: In, options?: ChildOptions];

// A compiler tells of a call what is wrong by its last overload: that for a workflow that is imported stands last.
/** Starts a child execution of a workflow that this program does not import, and awaits its result. */
export function child(workflow: string, input?: object, options?: ChildOptions): Promise<unknown>;
/** Starts a child execution in the same deployment, or version of it, and awaits its result. Throws `ChildError` if it ends without one. */
export function child<In, Out>(workflow: Workflow<In, Out>, ...args: ChildArgs<In>): Promise<Out>;
export async function child(
  workflow: Workflow | string,
  input?: unknown,
  options: ChildOptions = {},
): Promise<unknown> {
  const { ops, scope } = commandFrame("child()");
  const cancelled = scope.takeUndelivered();
  if (cancelled) throw cancelled;
  return new ChildRun(ops, workflow, input, { onParentClose: "terminate", ...options }).resultIn(scope);
}

/** Starts a child execution of a workflow that this program does not import, without waiting for it. */
export function start(workflow: string, input?: object, options?: ChildOptions): ChildHandle;
/** Starts a child execution without waiting for it. */
export function start<In, Out>(workflow: Workflow<In, Out>, ...args: ChildArgs<In>): ChildHandle<Out>;
export function start(workflow: Workflow | string, input?: unknown, options: ChildOptions = {}): ChildHandle<never> {
  const { ops } = commandFrame("start()");
  const run = new ChildRun(ops, workflow, input, { onParentClose: "abandon", ...options });
  return {
    execution: run.execution,
    ...messagesTo({ execution: run.execution, child: run.number }),
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

class ChildRun implements OpenChild {
  readonly execution: string;
  readonly #ops: WorkflowOps;
  readonly number: number;
  readonly #workflow: string;
  readonly #outputSchema: JsonSchema | null;
  readonly #waits = new Set<ChildWait>();
  #end: ChildEnd | null = null;
  #cancelled = false;

  constructor(
    ops: WorkflowOps,
    workflow: Workflow | string,
    input: unknown,
    options: ChildOptions & { onParentClose: OnParentClose },
  ) {
    this.#ops = ops;
    this.#workflow = typeof workflow === "string" ? checkName("workflow", workflow) : workflow.name;
    this.#outputSchema = typeof workflow === "string" ? null : workflow.outputSchema;
    const what = `child "${this.#workflow}"`;
    const { id, onParentClose, timeout } = options;
    const json = toPayload(input ?? {}, `the input of ${what}`);
    const timeoutMs = timeout === undefined ? undefined : limitMs(ops, timeout, `${what}, timeout`);
    const problem = id === undefined ? undefined : idProblem(ExecutionId, id);
    if (problem !== undefined) throw new UsageError(`${what}, id: ${problem}`);
    const request = { workflow: this.#workflow, input: json, id, onParentClose, timeoutMs };
    const { number, execution } = ops.startChild(request, this);
    this.number = number;
    this.execution = execution;
  }

  describe(): string {
    return `child ${this.number} "${this.#workflow}" (${this.execution})`;
  }

  resultIn(scope: Scope): Promise<unknown> {
    if (this.#end) return "error" in this.#end ? Promise.reject(this.#end.error) : Promise.resolve(this.#end.result);
    const cancelled = scope.takeUndelivered();
    if (cancelled) return Promise.reject(cancelled);
    const wait = new ChildWait(this.#ops, scope, this);
    this.#waits.add(wait);
    return wait.promise;
  }

  cancel(): void {
    if (this.#end || this.#cancelled) return;
    this.#cancelled = true;
    this.#ops.cancelChild(this.number, this.execution);
  }

  completed(result: unknown): void {
    this.#ended({ result: unwrapResult(result, this.#outputSchema) });
  }

  failed(status: ChildStatus, failure: Failure): void {
    const workflow = this.#workflow;
    const { execution } = this;
    const how = status === "START_FAILED" ? "could not be started" : `ended as ${status}`;
    const message = `child "${workflow}" (${execution}) ${how}: ${failure.message}`;
    const error = new ChildError(message, { workflow, execution, status, cause: fromFailure(failure) });
    this.#ended({ error: withoutFrames(error) });
  }

  #ended(end: ChildEnd): void {
    this.#end = end;
    for (const wait of this.#waits) wait.end(end);
    this.#waits.clear();
  }
}
