/**
 * Values that came out of the JSON reader (json-text.ts). The schemas only look at the top: a walk through a value is the
 * reader's work, and a copy would lose a key called `__proto__`.
 */
import * as z from "zod";

export type JsonValue = z.core.util.JSONType;

/** Any JSON value; the key must be present. */
export const JsonValue = z
  .unknown()
  .refine((value) => value !== undefined, { error: "a JSON value is wanted" }) as unknown as z.ZodType<JsonValue>;

/** A JSON object of any content. */
export const JsonRecord = z
  .unknown()
  .refine(isObject, { error: "an object is wanted" })
  .meta({ type: "object", additionalProperties: {} }) as unknown as z.ZodType<Record<string, JsonValue>>;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
