/**
 * Parses the text of a request into typed values, or into the 422 that says what is wrong with it.
 *
 * Official operations ignore unknown body and query keys, because released clients send some. Our own operations use
 * strict objects, which refuse them. The schema decides between the two.
 */
import type * as z from "zod";
import { zodToDetail } from "../detail.ts";
import { invalid, invalidAt, type Refusal } from "../errors.ts";
import { readJson } from "../json-text.ts";
import { MAX_JSON_DEPTH } from "../limits.ts";

export type Parsed<T> = { readonly value: T } | { readonly refused: Refusal };

/**
 * The JSON of a body. With `optional`, an empty body, white space and `null` count as `{}`: clients send all three when
 * a caller gives no options.
 */
export function parseJsonBody(text: string, { optional = false, maxDepth = MAX_JSON_DEPTH } = {}): Parsed<unknown> {
  if (text.trim() === "") {
    if (optional) return { value: {} };
    return { refused: invalidAt(["body"], "Field required: the request has no body", "missing") };
  }
  const read = readJson(text, maxDepth);
  if ("value" in read) return { value: read.value === null && optional ? {} : read.value };
  const { loc, msg, type } = read.problem;
  return { refused: invalidAt(["body", ...loc], type === "json_invalid" ? `The body is ${msg}` : msg, type) };
}

/** The body as the schema parses it. */
export function parseBody<S extends z.ZodType>(schema: S, text: string, options?: { optional?: boolean }) {
  const json = parseJsonBody(text, options);
  return "refused" in json ? json : check(schema, json.value, "body");
}

/**
 * The query string as the schema parses it, with defaults. A list is a repeated key. If a single value is repeated, the
 * last one counts.
 */
export function parseQuery<S extends z.ZodType>(schema: S, query: URLSearchParams): Parsed<z.output<S>> {
  const { fields, keepsUnknown } = shapeOf(schema);
  const raw: Record<string, unknown> = {};
  for (const key of new Set(query.keys())) {
    const values = query.getAll(key);
    const sort = fields.get(key);
    if (sort === "list") raw[key] = values;
    else if (sort !== undefined || keepsUnknown) raw[key] = fromText(values.at(-1) as string, sort ?? "text");
  }
  return check(schema, raw, "query");
}

function check<S extends z.ZodType>(schema: S, value: unknown, where: "body" | "query"): Parsed<z.output<S>> {
  const result = schema.safeParse(value, { reportInput: true });
  return result.success ? { value: result.data } : { refused: invalid(zodToDetail(result.error, where)) };
}

type Sort = "list" | "number" | "boolean" | "text";
const TRUE = new Set(["true", "1", "yes", "on"]);
const FALSE = new Set(["false", "0", "no", "off"]);

/** A text that is no number or boolean stays a text; the schema then refuses the field by name. */
function fromText(text: string, sort: Sort): unknown {
  if (sort === "number" && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (sort === "boolean" && TRUE.has(text.toLowerCase())) return true;
  if (sort === "boolean" && FALSE.has(text.toLowerCase())) return false;
  return text;
}

interface Shape {
  readonly fields: ReadonlyMap<string, Sort>;
  readonly keepsUnknown: boolean;
}
/** Schemas live as long as the process, so each shape is computed once. */
const shapes = new WeakMap<z.ZodType, Shape>();

function shapeOf(schema: z.ZodType): Shape {
  const known = shapes.get(schema);
  if (known) return known;
  const object = unwrap(schema) as z.ZodObject;
  const fields = new Map(Object.entries(object.def.shape).map(([key, field]) => [key, sortOf(field as z.ZodType)]));
  const shape = { fields, keepsUnknown: object.def.catchall !== undefined };
  shapes.set(schema, shape);
  return shape;
}

function sortOf(field: z.ZodType): Sort {
  const { type } = unwrap(field).def;
  if (type === "array") return "list";
  return type === "number" || type === "boolean" ? type : "text";
}

/** The schema of the input: without `default`, `optional`, `nullable` and the output of a `transform`. */
function unwrap(schema: z.ZodType): z.ZodType {
  const def = schema.def as { innerType?: z.ZodType; in?: z.ZodType };
  const inner = def.innerType ?? def.in;
  return inner ? unwrap(inner) : schema;
}
