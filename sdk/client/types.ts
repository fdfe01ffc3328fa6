/** What the client knows of workflows and handlers: their names and types, none of their code. */
import type { JsonSchema } from "../schema.ts";
import type { AnyWorkflow, Workflow } from "../workflow/define.ts";
import type { Handler, Query, Signal, Update } from "../workflow/handlers.ts";

/** A workflow by its definition, or by `named<typeof order>("order")`. */
export type WorkflowRef<In, Out> = Pick<Workflow<In, Out>, "name" | "types"> & {
  readonly outputSchema?: JsonSchema | null;
};
export type SignalRef<Sent> = Pick<Signal<never, Sent>, "name" | "sent">;
export type QueryRef<Sent, Answer> = Pick<Query<never, never, Sent, Answer>, "name" | "sent">;
export type UpdateRef<Sent, Answer> = Pick<Update<never, never, Sent, Answer>, "name" | "sent">;

/**
 * A workflow or handler by its name, with the types of its definition and none of its code: a page in a browser imports only the
 * type. `named<typeof order>("order")`.
 */
export function named<T extends AnyWorkflow | Handler>(name: T["name"]): Named<T> {
  return { name } as Named<T>;
}
export type Named<T extends AnyWorkflow | Handler> = Pick<T, Extract<keyof T, "name" | "types" | "sent">>;
