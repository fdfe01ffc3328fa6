/** Schemas whose JSON Schema is given: the interface of a chat shows a form by it, key by key. */
import type * as z from "zod";

/** The schema with this JSON Schema. zod asks a schema for it, and adds what `.meta()` says. */
export function shownAs<S extends z.core.$ZodType>(schema: S, json: Readonly<Record<string, unknown>>): S {
  const internals = schema._zod as { toJSONSchema?: () => object; parent?: unknown };
  internals.toJSONSchema = () => structuredClone(json);
  delete internals.parent; // zod would look for the JSON Schema of the schema from which a check made this one
  return schema;
}

/** Without the keys that are undefined. */
export const present = (json: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined));
