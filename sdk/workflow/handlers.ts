/** Signals, queries and updates. A workflow declares them, so that the API knows their names and schemas. */
import type * as z from "zod";
import { UsageError } from "../errors.ts";
import { checkHandlerName } from "../names.ts";
import { commandFrame } from "../runtime/frame.ts";
import type { AnyObject, NoValue, Schema } from "../schema.ts";

interface HandlerBase {
  readonly name: string;
  readonly description: string | null;
  readonly input: Schema | undefined;
  readonly output: Schema | undefined;
}
/** A message that is not answered. Its handler gets `In`; callers send `Sent`, from which the schema makes it. */
export interface Signal<In = unknown, Sent = In> extends HandlerBase {
  readonly kind: "signal";
  readonly types?: (input: In) => void;
  /** Carries the type; it is never set. */
  readonly sent?: (input: Sent) => void;
}
/** A question about the workflow's state, which it does not change. Its handler answers `Out`; callers get `Answer`. */
export interface Query<In = unknown, Out = unknown, Sent = In, Answer = Out> extends HandlerBase {
  readonly kind: "query";
  readonly types?: (input: In) => Out;
  /** Carries the types; it is never set. */
  readonly sent?: (input: Sent) => Answer;
}
/** A message that may change the workflow's state and is answered. */
export interface Update<In = unknown, Out = unknown, Sent = In, Answer = Out> extends HandlerBase {
  readonly kind: "update";
  readonly types?: (input: In) => Out;
  /** Carries the types; it is never set. */
  readonly sent?: (input: Sent) => Answer;
}
// biome-ignore lint/suspicious/noExplicitAny: a list of handlers mixes all kinds of inputs
export type Handler = Signal<any, any> | Query<any, any, any, any> | Update<any, any, any, any>;

/** A signal named `name` whose input fits `input` (left out: any object). */
export function signal<I extends Schema = AnyObject>(
  name: string,
  input?: I,
  options: { description?: string } = {},
): Signal<z.output<I>, z.input<I>> {
  return { kind: "signal", ...base("signal", name, options), input, output: undefined };
}

/** A query named `name` that answers `output`. Its input, if it takes one, is an option. */
export function query<O extends Schema = z.core.$ZodType<unknown, unknown>, I extends Schema = NoValue>(
  name: string,
  output?: O,
  options: { input?: I; description?: string; _zod?: never } = {},
): Query<z.output<I>, z.input<O>, z.input<I>, z.output<O>> {
  // As an update has them: the answers would be checked by the schema of the input.
  if ("_zod" in options)
    throw new UsageError(`query("${name}", …): the schema of the input is an option: query(name, output, { input }).`);
  return { kind: "query", ...base("query", name, options), input: options.input, output };
}

/** An update named `name` whose input fits `input` and whose answer fits `output`. */
export function update<I extends Schema = AnyObject, O extends Schema = z.core.$ZodType<unknown, unknown>>(
  name: string,
  input?: I,
  output?: O,
  options: { description?: string } = {},
): Update<z.output<I>, z.input<O>, z.input<I>, z.output<O>> {
  return { kind: "update", ...base("update", name, options), input, output };
}

const base = (kind: string, name: string, options: { description?: string }) => ({
  name: checkHandlerName(kind, name),
  description: options.description ?? null,
});

export interface UpdateHandlerOptions<In> {
  /** Throws to refuse the update before it is recorded. May read the workflow's state, but neither change it nor await. */
  validate?: (input: In) => void;
}

/**
 * Attaches the function that answers a handler. Signals and updates that arrived earlier were kept and are delivered now, in
 * order. Functions of signals and updates may be async and do everything that workflow code may; those of queries answer at
 * once and only read. A second `on` for the same handler replaces the first.
 */
export function on<In>(handler: Signal<In>, fn: (input: In) => unknown): void;
export function on<In, Out>(handler: Query<In, Out>, fn: (input: In) => Out): void;
export function on<In, Out>(
  handler: Update<In, Out>,
  fn: (input: In) => Out | Promise<Out>,
  options?: UpdateHandlerOptions<In>,
): void;
export function on(handler: Handler, fn: (input: never) => unknown, options: UpdateHandlerOptions<never> = {}): void {
  commandFrame("on()").ops.handle(handler, fn as (input: unknown) => unknown, options.validate);
}
