/** Results travel as objects: an object as it is, nothing as null, anything else as `{"result": value}`. */
import type { Json } from "../json.ts";
import { isPlainObject } from "../json.ts";
import type { JsonSchema } from "../schema.ts";
import { isObjectSchema } from "../schema.ts";

export const wrapResult = (value: Json): Json => (value === null || isPlainObject(value) ? value : { result: value });

/**
 * The value that was wrapped. The schema decides; without one, an object with the single key `result` that holds no
 * object is taken for a wrapped value.
 */
export function unwrapResult(travelled: unknown, schema: JsonSchema | null): unknown {
  if (!isPlainObject(travelled) || !Object.hasOwn(travelled, "result")) return travelled;
  const isObject = isObjectSchema(schema);
  if (isObject === true) return travelled;
  if (isObject === false) return travelled.result;
  const only = Object.keys(travelled).length === 1;
  return only && travelled.result !== null && !isPlainObject(travelled.result) ? travelled.result : travelled;
}
