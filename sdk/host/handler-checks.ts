/** Checks what callers send to a run of the host against the schemas that were registered with its workflow. */
import { Validator } from "@cfworker/json-schema";
import type { Failure } from "../../shared/protocol/history.ts";
import type { HandlerDefinition, WorkflowDefinition } from "../../shared/protocol/worker.ts";
import type { Refusal } from "../workflow/types.ts";

type Kind = "signal" | "query" | "update";

export class HandlerChecks {
  readonly #workflow: string;
  readonly #handlers: Record<Kind, Map<string, HandlerDefinition>>;
  readonly #validators = new Map<HandlerDefinition, Validator>();

  constructor(definition: WorkflowDefinition) {
    const byName = (list: readonly HandlerDefinition[]) => new Map(list.map((handler) => [handler.name, handler]));
    this.#workflow = definition.name;
    this.#handlers = {
      signal: byName(definition.signals),
      query: byName(definition.queries),
      update: byName(definition.updates),
    };
  }

  /** Why workflow code must not see this signal; null: it may. */
  signal(name: string, input: unknown): string | null {
    return this.#check("signal", name, input)?.failure.message ?? null;
  }

  query(name: string, input: unknown): Refusal | null {
    return this.#check("query", name, input);
  }

  update(name: string, input: unknown): Refusal | null {
    return this.#check("update", name, input);
  }

  #check(kind: Kind, name: string, input: unknown): Refusal | null {
    const handler = this.#handlers[kind].get(name);
    if (!handler) {
      const known = [...this.#handlers[kind].keys()].join(", ") || "none";
      const message = `workflow "${this.#workflow}" has no ${kind} "${name}" (it has: ${known})`;
      return { status: 404, failure: { message } };
    }
    const result = this.#validator(handler).validate(input ?? {});
    if (result.valid) return null;
    const details = result.errors.map((e) => ({ path: e.instanceLocation, message: e.error }));
    const reasons = details.map((d) => `${d.path === "#" ? "" : `${d.path.slice(2)}: `}${d.message}`).join(", ");
    const failure: Failure = {
      type: "InvalidValueError",
      message: `the input of ${kind} "${name}" does not fit its schema: ${reasons}`,
      details,
    };
    return { status: 422, failure };
  }

  #validator(handler: HandlerDefinition): Validator {
    let validator = this.#validators.get(handler);
    if (!validator) {
      validator = new Validator(handler.input_schema as never, "2020-12", false);
      this.#validators.set(handler, validator);
    }
    return validator;
  }
}
