/** zod schemas at the boundary: JSON Schemas for the registration, checked values for the code. */
import * as z from "zod";
import { InvalidValueError, UsageError } from "./errors.ts";

/** Any zod 4 schema, classic or mini. */
export type Schema = z.core.$ZodType;
export type JsonSchema = Record<string, unknown>;

/** The schema of something that takes nothing. */
export type NoValue = z.core.$ZodType<undefined, undefined>;
/** The schema that stands for "no schema given" where an object travels. */
export type AnyObject = z.core.$ZodType<Record<string, unknown>, Record<string, unknown>>;

/** Arguments of a call whose input may be left out when it can be `undefined`. */
export type InputArgs<In> = undefined extends In ? [input?: In] : [input: In];
/** Arguments of a message whose input may be left out when `{}` will do. */
export type MessageArgs<In> = Record<string, never> extends In ? [input?: In] : InputArgs<In>;

/**
 * What a caller may send. Extra keys are allowed unless the author says strict. Throws `UsageError` for types that no
 * JSON value fits (`z.date()`: say `z.coerce.date()` or a codec).
 */
export const inputJsonSchema = (schema: Schema | undefined, what: string): JsonSchema =>
  schema ? jsonSchema(schema, "input", what) : { type: "object", properties: {} };

/** What comes back. Throws `UsageError` for types that would not survive JSON. */
export const outputJsonSchema = (schema: Schema | undefined, what: string): JsonSchema | null =>
  schema ? jsonSchema(schema, "output", what) : null;

const ADVICE: Record<string, string> = {
  date: "write z.iso.datetime(), or z.codec(z.iso.datetime(), z.date(), …) where it is an input",
  bigint: "write z.string()",
  map: "write z.record()",
  set: "write z.array()",
  symbol: "write z.string()",
  nan: "write z.null()",
  function: "functions cannot travel",
  promise: "await it first",
  file: "send a reference to it",
};

function jsonSchema(schema: Schema, io: "input" | "output", what: string): JsonSchema {
  const refused: string[] = [];
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema, path }) => {
      const def = zodSchema._zod.def as { type: string; coerce?: boolean };
      if (def.type === "void" || def.type === "undefined") jsonSchema.type = "null";
      if (!Object.hasOwn(ADVICE, def.type)) return;
      if (def.type === "date" && def.coerce && io === "input") {
        jsonSchema.type = "string";
        jsonSchema.format = "date-time";
        return;
      }
      const place = path.filter((step) => step !== "properties" && step !== "anyOf").join(".");
      const advice = def.type === "date" && io === "input" ? "write z.coerce.date()" : ADVICE[def.type];
      refused.push(`${place || "the value itself"} is a ${def.type} (${advice})`);
    },
  });
  if (refused.length > 0) {
    throw new UsageError(`${what}: JSON cannot hold what this schema describes: ${refused.reverse().join("; ")}.`);
  }
  return json;
}

/** True / false if every / no value that fits the JSON Schema is an object; null = cannot tell. */
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

export type Checked<T> = { ok: true; value: T } | { ok: false; error: InvalidValueError };

/**
 * A value from the wire. Nothing sent (null) is tried as `undefined`, `null` and `{}`: whichever the schema allows.
 * A schema with asynchronous refinements throws: workflow code and handlers are checked where nothing can be awaited.
 */
export function check<S extends Schema>(schema: S | undefined, raw: unknown, what: string): Checked<z.output<S>> {
  if (!schema) return { ok: true, value: (raw ?? undefined) as z.output<S> };
  let result = z.safeParse(schema, raw ?? undefined);
  if (!result.success && (raw === null || raw === undefined)) {
    const asNull = z.safeParse(schema, null);
    result = asNull.success ? asNull : z.safeParse(schema, {});
  }
  return result.success ? { ok: true, value: result.data } : { ok: false, error: invalid(what, result.error.issues) };
}

/** Like `check`, and waits for asynchronous refinements. Throws `InvalidValueError`. */
export async function checkAsync<S extends Schema>(
  schema: S | undefined,
  raw: unknown,
  what: string,
): Promise<z.output<S>> {
  if (!schema) return (raw ?? undefined) as z.output<S>;
  let result = await z.safeParseAsync(schema, raw ?? undefined);
  if (!result.success && (raw === null || raw === undefined)) {
    const asNull = await z.safeParseAsync(schema, null);
    result = asNull.success ? asNull : await z.safeParseAsync(schema, {});
  }
  if (!result.success) throw invalid(what, result.error.issues);
  return result.data;
}

/** Like `check`, but throws what is wrong. */
export function checked<S extends Schema>(schema: S | undefined, raw: unknown, what: string): z.output<S> {
  const result = check(schema, raw, what);
  if (!result.ok) throw result.error;
  return result.value;
}

function invalid(what: string, issues: readonly z.core.$ZodIssue[]): InvalidValueError {
  const lines = issues.map((issue) => {
    const path = issue.path.map(String).join(".");
    return path ? `${path}: ${issue.message}` : issue.message;
  });
  const details = issues.map((issue) => ({
    path: issue.path.map((p) => (typeof p === "symbol" ? String(p) : p)),
    code: issue.code,
    message: issue.message,
  }));
  return new InvalidValueError(`${what} does not fit its schema: ${lines.join("; ")}`, details);
}

/** Null from the journal, as `undefined` where the schema knows only that. Decided once, when something is defined. */
export function absentIsUndefined(schema: Schema | undefined): boolean {
  if (!schema) return true;
  try {
    return z.safeParse(schema, undefined).success && !z.safeParse(schema, null).success;
  } catch {
    return false; // asynchronous refinements
  }
}
