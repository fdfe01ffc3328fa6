/** Which variant of an `anyOf` a value belongs to, by its shape. */
import { isBigNumber } from "../api/json.ts";
import { isSchema, resolve, type Schema } from "./schema.ts";

/** The first variant that fits and names all fields of the value, else the first that fits; -1: none does. */
export function variantOf(variants: readonly Schema[], root: Schema, value: unknown): number {
  const fitting = variants.flatMap((variant, i) => (fits(variant, root, value) ? [i] : []));
  return fitting.find((i) => namesAll(variants[i] as Schema, root, value)) ?? fitting[0] ?? -1;
}

function namesAll(variant: Schema, root: Schema, value: unknown): boolean {
  const { properties } = resolve(variant, root);
  if (typeOf(value) !== "object" || !isSchema(properties)) return true;
  return Object.keys(value as object).every((name) => name in properties);
}

export function fits(given: Schema, root: Schema, value: unknown): boolean {
  const schema = resolve(given, root);
  if ("const" in schema) return JSON.stringify(schema.const) === JSON.stringify(value);
  if (Array.isArray(schema.enum)) return schema.enum.some((one) => JSON.stringify(one) === JSON.stringify(value));
  const types = Array.isArray(schema.type) ? schema.type : schema.type === undefined ? [] : [schema.type];
  if (types.length > 0 && !types.includes(typeOf(value)) && !(typeOf(value) === "integer" && types.includes("number")))
    return false;
  if (typeOf(value) !== "object" || !isSchema(schema.properties)) return true;
  const fields = value as Record<string, unknown>;
  const required = Array.isArray(schema.required) ? (schema.required as string[]) : [];
  if (!required.every((name) => name in fields)) return false;
  // A field with one fixed value tells variants apart.
  return Object.entries(schema.properties).every(([name, property]) => {
    const inner = isSchema(property) ? resolve(property, root) : {};
    return !("const" in inner) || !(name in fields) || JSON.stringify(inner.const) === JSON.stringify(fields[name]);
  });
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (isBigNumber(value)) return Number.isInteger(Number(value.value)) ? "integer" : "number";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}
