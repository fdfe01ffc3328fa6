/** Results are sent as objects: an object unchanged, no result as null, any other value as `{"result": value}`. */
import { isPlainObject, type Json } from "../plain-json.ts";
import type { JsonSchema } from "../schema.ts";

export const wrapResult = (value: Json): Json => (value === null || isPlainObject(value) ? value : { result: value });

/**
 * The value before `wrapResult`. The schema tells whether it was wrapped; without one, an object whose only key is `result`
 * and whose value is not an object counts as wrapped.
 */
export function unwrapResult(sent: unknown, schema: JsonSchema | null): unknown {
  if (!isPlainObject(sent) || !Object.hasOwn(sent, "result")) return sent;
  const isObject = isObjectSchema(schema);
  if (isObject === true) return sent;
  if (isObject === false) return sent.result;
  const only = Object.keys(sent).length === 1;
  return only && sent.result !== null && !isPlainObject(sent.result) ? sent.result : sent;
}

/** True: every value that fits the JSON Schema is an object. False: no such value is. Null: it cannot be told. */
export function isObjectSchema(schema: JsonSchema | null): boolean | null {
  if (schema === null) return null;
  if (typeof schema.type === "string") return schema.type === "object";
  const options = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined;
  if (options) {
    const each = options.map(isObjectSchema);
    if (each.every((is) => is === true)) return true;
    return each.every((is) => is === false) ? false : null;
  }
  const parts = schema.allOf as JsonSchema[] | undefined;
  if (parts?.some((part) => isObjectSchema(part) === true)) return true;
  if ("const" in schema || "enum" in schema) return false;
  return null;
}
