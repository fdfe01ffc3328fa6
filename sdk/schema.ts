/** zod schemas of inputs and outputs: as JSON Schemas for the registration, and to check values for the code. */
import * as z from "zod";
import { InvalidValueError, UsageError } from "./errors.ts";

/** Any zod 4 schema, classic or mini. */
export type Schema = z.core.$ZodType;
export type JsonSchema = Record<string, unknown>;

/** The schema of a function without input. */
export type NoValue = z.core.$ZodType<undefined, undefined>;
/** The schema of an object when the author gives no schema. */
export type AnyObject = z.core.$ZodType<Record<string, unknown>, Record<string, unknown>>;

/** The schema of a result when the author gives no schema. */
export type Unchecked = z.core.$ZodType<unknown, unknown> & { readonly unchecked: true };
/** What a caller awaits: the output of the schema, or without one what the function returns. */
export type ResultOf<O extends Schema, Returned> = O extends Unchecked ? Returned : z.output<O>;

/** Arguments of a call; the input may be left out if it can be `undefined`. */
export type InputArgs<In> = undefined extends In ? [input?: In] : [input: In];
/** Arguments of a message; the input may be left out if `{}` fits. */
export type MessageArgs<In> = Record<string, never> extends In ? [input?: In] : InputArgs<In>;

/**
 * The JSON Schema of an input. It allows extra keys unless the author's schema is strict. Throws `UsageError` for types that
 * no JSON value fits (instead of `z.date()` write `z.coerce.date()` or a codec).
 */
export const inputJsonSchema = (schema: Schema | undefined, what: string): JsonSchema =>
  schema ? jsonSchema(schema, "input", what) : { type: "object", properties: {} };

/** The JSON Schema of an output. Throws `UsageError` for types that JSON cannot represent. */
export const outputJsonSchema = (schema: Schema | undefined, what: string): JsonSchema | null =>
  schema ? jsonSchema(schema, "output", what) : null;

const ADVICE: Record<string, string> = {
  date: "write z.iso.datetime(), or z.codec(z.iso.datetime(), z.date(), …) where it is an input",
  bigint: "write z.string()",
  map: "write z.record()",
  set: "write z.array()",
  symbol: "write z.string()",
  nan: "write z.null()",
  function: "functions cannot be sent",
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

export type Checked<T> = { ok: true; value: T } | { ok: false; error: InvalidValueError };

/**
 * Checks a received value. An absent value (null) is tried as `undefined`, `null` and `{}`, in that order.
 * A schema with asynchronous refinements throws: inputs of workflows and handlers are checked where nothing can be awaited.
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

/** As `check`, with asynchronous refinements. Throws `InvalidValueError`. */
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

/** As `check`, but throws the error. */
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

/** Whether a recorded null stands for `undefined`: without a schema, and where the schema takes `undefined` but not null. */
export function absentIsUndefined(schema: Schema | undefined): boolean {
  if (!schema) return true;
  try {
    return z.safeParse(schema, undefined).success && !z.safeParse(schema, null).success;
  } catch {
    return false; // asynchronous refinements
  }
}
