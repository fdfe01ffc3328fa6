/**
 * Parses the text of a request into typed values, or into the 422 that says what is wrong with it.
 *
 * Official operations ignore unknown body and query keys, because released clients send some. Our own operations use
 * strict objects, which refuse them. The schema decides between the two.
 */
import type * as z from "zod";
import { zodToDetail } from "../detail.ts";
import { invalid, invalidAt, type Refusal } from "../errors.ts";
import { JSON_BOUNDS, type JsonBounds, type JsonProblem, jsonProblem, parsedJson } from "../json-text.ts";
import { MAX_JSON_DEPTH } from "../limits.ts";

/** Problems that one answer names. */
const MOST_PROBLEMS = 100;

/** Characters of a body of a client that is parsed in one go: a fraction of a millisecond. */
const SHORT_BODY = 8 * 1024;

export type Parsed<T> = { readonly value: T } | { readonly refused: Refusal };

export interface BodyOptions {
  /** An empty body, white space and `null` count as `{}`: clients send all three when a caller gives no options. */
  readonly optional?: boolean | undefined;
  readonly maxDepth?: number;
  readonly bounds?: JsonBounds;
}

/** The JSON of a body. */
export function parseJsonBody(text: string, options: BodyOptions = {}): Parsed<unknown> {
  return bodyRefusal(text, options) ?? bodyValue(text, options);
}

function bodyRefusal(
  text: string,
  { optional, maxDepth = MAX_JSON_DEPTH, bounds }: BodyOptions,
): { readonly refused: Refusal } | undefined {
  const problem = jsonProblem(text, maxDepth, bounds);
  if (problem) return refusedBody(problem);
  if (optional || text.trim() !== "") return undefined;
  return { refused: invalidAt(["body"], "Field required: the request has no body", "missing") };
}

function bodyValue(text: string, { optional }: BodyOptions): Parsed<unknown> {
  if (optional && text.trim() === "") return { value: {} };
  const read = parsedJson(text);
  if ("problem" in read) return refusedBody(read.problem);
  return { value: read.value === null && optional ? {} : read.value };
}

const refusedBody = ({ loc, msg, type }: JsonProblem) => ({
  refused: invalidAt(["body", ...loc], type === "json_invalid" ? `The body is ${msg}` : msg, type),
});

/** The same. Between its walks through a long text `pause` lets other requests be served. */
export async function parseLongJsonBody(text: string, options: BodyOptions, pause: Pause): Promise<Parsed<unknown>> {
  await pause?.();
  const refused = bodyRefusal(text, options);
  if (refused) return refused;
  await pause?.();
  const json = bodyValue(text, options);
  await pause?.();
  return json;
}

type Pause = (() => Promise<void>) | undefined;

/** The body of a request of a client as the schema parses it. */
export async function parseBody<S extends z.ZodType>(
  schema: S,
  text: string,
  { optional, pause }: { readonly optional?: boolean | undefined; readonly pause?: Pause } = {},
): Promise<Parsed<z.output<S>>> {
  const options = { optional, bounds: JSON_BOUNDS };
  const json = text.length > SHORT_BODY ? await parseLongJsonBody(text, options, pause) : parseJsonBody(text, options);
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
  if (result.success) return { value: result.data };
  return { refused: invalid(zodToDetail(result.error, where).slice(0, MOST_PROBLEMS)) };
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
