/** `workflow(…)`: gives a plain async function a name, schemas and handlers. */

import { createHash } from "node:crypto";
import type * as z from "zod";
import { searchKeyProblem } from "../../shared/core/search-keys.ts";
import type { Duration } from "../../shared/lib/duration.ts";
import { positiveMilliseconds } from "../../shared/lib/duration.ts";
import { DEFAULT_EXECUTION_TIMEOUT_SECONDS, MAX_SEARCH_KEYS } from "../../shared/protocol/limits.ts";
import { UsageError } from "../errors.ts";
import { checkName } from "../names.ts";
import type { AnyObject, JsonSchema, ResultOf, Schema, Unchecked } from "../schema.ts";
import { inputJsonSchema, outputJsonSchema } from "../schema.ts";
import type { ContinueAsNew } from "./continue.ts";
import type { Handler } from "./handlers.ts";
import { isObjectSchema } from "./result.ts";
import type { ScheduleDefinition } from "./schedules.ts";

export interface WorkflowOptions<I extends Schema = Schema, O extends Schema = Schema> {
  /** 1 to 128 of `A-Z a-z 0-9 _ -`. */
  name: string;
  /** Title for people. Default: the name. */
  title?: string;
  description?: string;
  /** An object schema. Default: any object. */
  input?: I;
  /** Default: any result, unchecked. */
  output?: O;
  /** Limit on the whole chain of an execution, continued runs included. Default 1 h; null = none. */
  timeout?: Duration | null;
  /** The signals, queries and updates that the code answers with `on`. */
  handlers?: readonly Handler[];
  /** Declares what `waitForInput` needs. Default false. */
  interactive?: boolean;
  /** False: no sandbox. The author alone makes sure that the code can be replayed. Default true. */
  deterministic?: boolean;
  /**
   * `pinned`: an execution stays with the version of the worker's code on which it began, until it ends or continues as new.
   * The worker's `buildId` names the version. Default: any worker of the deployment goes on with it.
   */
  versioning?: "pinned";
  /** Dot paths into the input; executions can be found by the values there. At most 20. */
  searchKeys?: readonly string[];
  /**
   * @deprecated Create schedules through the API or with `sirocco schedule create`: there they can be changed without
   * restarting workers. The first worker that registers the workflow creates those given here, once.
   */
  schedules?: readonly ScheduleDefinition[];
}

/** A workflow, typed by the input of its callers (`In`) and the result that they await (`Out`). */
export interface Workflow<In = unknown, Out = unknown> {
  readonly kind: "workflow";
  readonly name: string;
  readonly options: WorkflowOptions;
  /** Milliseconds; null = no limit. */
  readonly timeoutMs: number | null;
  readonly inputSchema: JsonSchema;
  /** Null = no output schema. */
  readonly outputSchema: JsonSchema | null;
  readonly fn: (input: never) => Promise<unknown>;
  /**
   * Names this definition in histories. It covers the schemas and the text of the workflow function, not the functions that
   * it calls.
   */
  readonly hash: string;
  /** Carries the types; it is never set. */
  readonly types?: (input: In) => Out;
}
// biome-ignore lint/suspicious/noExplicitAny: a list of workflows mixes all kinds of inputs
export type AnyWorkflow = Workflow<any, any>;

/**
 * Nothing if each `continueAsNew` that the function returns has the workflow's own input; otherwise a property that no
 * options have, so that the compiler refuses the definition. The constraint of `R` cannot say it for a workflow without an
 * output schema, whose results are `unknown`.
 */
type Continues<R, In> = [Extract<R, ContinueAsNew>] extends [ContinueAsNew<In>]
  ? unknown
  : { "continueAsNew() must be given the input of this workflow": In };

const DEFAULT_TIMEOUT_MS = DEFAULT_EXECUTION_TIMEOUT_SECONDS * 1000;

/**
 * Defines a workflow. `fn` must be deterministic: it reaches time, random values and the outside world through the SDK.
 * Throws `UsageError` for a bad name, schemas that JSON cannot hold, or two handlers of one name.
 */
export function workflow<
  I extends Schema = AnyObject,
  O extends Schema = Unchecked,
  R extends z.input<O> | ContinueAsNew<z.input<I>> = z.input<O>,
>(
  options: WorkflowOptions<I, O> & Continues<R, z.input<I>>,
  fn: (input: z.output<I>) => Promise<R>,
): Workflow<z.input<I>, ResultOf<O, Exclude<R, ContinueAsNew>>>;
export function workflow(options: WorkflowOptions, fn: (input: never) => Promise<unknown>): Workflow {
  const name = checkName("workflow", options.name);
  const what = `workflow "${name}"`;
  const inputSchema = inputJsonSchema(options.input, `${what}, input`);
  if (isObjectSchema(inputSchema) === false) {
    throw new UsageError(`${what}: the input schema must describe an object, because callers send named fields.`);
  }
  checkHandlers(what, options.handlers ?? []);
  if ((options.searchKeys?.length ?? 0) > MAX_SEARCH_KEYS) {
    throw new UsageError(`${what}: at most ${MAX_SEARCH_KEYS} searchKeys, found ${options.searchKeys!.length}.`);
  }
  if (options.versioning !== undefined && options.versioning !== "pinned") {
    throw new UsageError(
      `${what}: versioning is ${JSON.stringify(options.versioning)}: it must be "pinned", or absent.`,
    );
  }
  for (const key of options.searchKeys ?? []) {
    const problem = searchKeyProblem(key);
    if (problem) throw new UsageError(`${what}: search key ${JSON.stringify(key)}: ${problem}.`);
  }
  if (options.schedules?.length) {
    const message = `${what}: schedules in code are deprecated; create them through the API, where they can be changed without a deployment.`;
    process.emitWarning(message, { type: "DeprecationWarning", code: "SIROCCO_SCHEDULES_IN_CODE" });
  }
  const { timeout } = options;
  const outputSchema = outputJsonSchema(options.output, `${what}, output`);
  return {
    kind: "workflow",
    name,
    options,
    timeoutMs:
      timeout === null
        ? null
        : timeout === undefined
          ? DEFAULT_TIMEOUT_MS
          : positiveMilliseconds(timeout, `${what}, timeout`),
    inputSchema,
    outputSchema,
    hash: createHash("sha256")
      .update(JSON.stringify([name, inputSchema, outputSchema, String(fn)]))
      .digest("hex")
      .slice(0, 12),
    fn,
  };
}

function checkHandlers(what: string, handlers: readonly Handler[]): void {
  const seen = new Set<string>();
  for (const handler of handlers) {
    const key = `${handler.kind} "${handler.name}"`;
    if (seen.has(key)) throw new UsageError(`${what} declares ${key} twice.`);
    seen.add(key);
    inputJsonSchema(handler.input, `${what}, ${key}, input`);
    outputJsonSchema(handler.output, `${what}, ${key}, output`);
  }
}
