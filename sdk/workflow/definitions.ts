/** The registration of a workflow: its definition as data, which a worker sends to the server. */
import type { HandlerDefinition, WorkflowDefinition } from "../../shared/protocol/worker.ts";
import type { JsonSchema } from "../schema.ts";
import { inputJsonSchema, outputJsonSchema } from "../schema.ts";
import type { AnyWorkflow } from "./define.ts";
import type { Handler } from "./handlers.ts";
import { humanInputHandlers } from "./human-input.ts";
import { isObjectSchema } from "./result.ts";

export type { AnyWorkflow } from "./define.ts";

export function definitionOf(workflow: AnyWorkflow): WorkflowDefinition {
  const { options, name } = workflow;
  const handlers = [...(options.handlers ?? []), ...(options.interactive ? humanInputHandlers.declared : [])];
  const ofKind = (kind: Handler["kind"]) => handlers.filter((handler) => handler.kind === kind).map(handlerDefinition);
  return {
    name,
    display_name: options.title ?? null,
    description: options.description ?? null,
    input_schema: workflow.inputSchema,
    output_schema: wrapped(workflow.outputSchema),
    signals: ofKind("signal"),
    queries: ofKind("query"),
    updates: ofKind("update"),
    enforce_determinism: options.deterministic ?? true,
    is_technical: false,
    execution_timeout: workflow.timeoutMs === null ? null : workflow.timeoutMs / 1000,
    ...(options.versioning && { versioning: options.versioning }),
    search_keys: [...(options.searchKeys ?? [])],
    schedules: [...(options.schedules ?? [])] as WorkflowDefinition["schedules"],
  };
}

function handlerDefinition(handler: Handler): HandlerDefinition {
  const what = `${handler.kind} "${handler.name}"`;
  const definition: HandlerDefinition = {
    name: handler.name,
    description: handler.description,
    input_schema: inputJsonSchema(handler.input, `${what}, input`),
  };
  if (handler.kind !== "signal")
    definition.output_schema = wrapped(outputJsonSchema(handler.output, `${what}, output`));
  return definition;
}

/** The schema of a value that is not an object describes `{result: value}`, the form in which results are sent. */
function wrapped(schema: JsonSchema | null): JsonSchema | null {
  if (schema === null || isObjectSchema(schema) !== false) return schema;
  const { $defs, ...inner } = schema;
  return { type: "object", properties: { result: inner }, required: ["result"], ...($defs ? { $defs } : {}) };
}
