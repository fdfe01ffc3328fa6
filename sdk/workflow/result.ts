/** Results are sent as objects: an object unchanged, no result as null, any other value as `{"result": value}`. */
import type { Json } from "../json.ts";
import { isPlainObject } from "../json.ts";
import type { JsonSchema } from "../schema.ts";
import { isObjectSchema } from "../schema.ts";

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
