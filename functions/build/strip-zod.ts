/**
 * Replaces `zod` in bundles: the same parser under the same names, with only the methods that our schemas call.
 *
 * zod's classic form brings all methods, formats and JSON Schema conversions into a bundle that uses one of them: twice the
 * code of the parser. `zod/mini` is the parser alone. This file adds the methods that we call. Schemas are created when
 * their module loads, so a schema that calls another method fails the test that loads all bundles. `strip-zod.test.ts`
 * compares this form with the classic one.
 */

import * as mini from "zod/mini";
import en from "zod/v4/locales/en.js";

mini.config(en());

type Schema = mini.ZodMiniType;
type Shape = NonNullable<Parameters<typeof mini.object>[0]>;
type Check = Parameters<Schema["check"]>[number];
type Context = { addIssue(issue: object): void };

const checked = (schema: Schema, ...checks: Check[]): Schema => chained(schema.check(...checks));
/** `min` and `max` bound the value of a number, the length of a text or list. */
const isNumber = (schema: Schema): boolean => schema.def.type === "number";

const METHODS = {
  optional(this: Schema) {
    return chained(mini.optional(this));
  },
  nullable(this: Schema) {
    return chained(mini.nullable(this));
  },
  nullish(this: Schema) {
    return chained(mini.nullish(this));
  },
  default(this: Schema, value: unknown) {
    return chained(mini._default(this, value as never));
  },
  prefault(this: Schema, value: unknown) {
    return chained(mini.prefault(this, value as never));
  },
  min(this: Schema, n: number, params?: string) {
    return checked(this, (isNumber(this) ? mini.minimum(n, params) : mini.minLength(n, params)) as Check);
  },
  max(this: Schema, n: number, params?: string) {
    return checked(this, (isNumber(this) ? mini.maximum(n, params) : mini.maxLength(n, params)) as Check);
  },
  positive(this: Schema, params?: string) {
    return checked(this, mini.positive(params) as Check);
  },
  regex(this: Schema, pattern: RegExp, params?: string) {
    return checked(this, mini.regex(pattern, params) as Check);
  },
  trim(this: Schema) {
    return checked(this, mini.trim() as Check);
  },
  refine(this: Schema, fits: (value: unknown) => boolean, params?: string) {
    return checked(this, mini.refine(fits, params));
  },
  superRefine(this: Schema, look: (value: unknown, context: Context) => void) {
    return checked(this, mini.superRefine(look as Parameters<typeof mini.superRefine>[0]));
  },
  transform(this: Schema, into: (value: unknown, context: Context) => unknown) {
    return chained(mini.pipe(this, transform(into) as mini.ZodMiniType));
  },
  or(this: Schema, other: Schema) {
    return chained(mini.union([this, other]));
  },
  partial(this: Schema) {
    return chained(mini.partial(this as mini.ZodMiniObject));
  },
  extend(this: Schema, shape: Shape) {
    return chained(mini.extend(this as mini.ZodMiniObject, shape));
  },
  catchall(this: Schema, rest: Schema) {
    return chained(mini.catchall(this as mini.ZodMiniObject, rest));
  },
  /** Only the OpenAPI document uses it, which is generated before bundling. */
  meta(this: Schema) {
    return this;
  },
};

function chained<S extends Schema>(schema: S): S & typeof METHODS {
  const def = schema.def as { options?: unknown; values?: readonly unknown[] };
  return Object.assign(schema, METHODS, {
    ...(def.options !== undefined && { options: def.options }),
    ...(def.values?.length === 1 && { value: def.values[0] }),
  });
}

/** Gives a transform a context with `addIssue`, as the classic form does. */
function transform(into: (value: unknown, context: Context) => unknown) {
  return mini.transform((value, payload) => {
    const addIssue = (issue: object) =>
      void payload.issues.push({ input: value, ...issue } as unknown as (typeof payload.issues)[number]);
    return into(value, Object.assign(payload, { addIssue }));
  });
}

/** Untyped, because no source imports this file: sources are checked against the types of zod. */
function making(make: unknown) {
  return (...args: unknown[]) => chained((make as (...args: unknown[]) => Schema)(...args));
}

const _enum = making(mini.enum);
const _null = making(mini.null);
const _undefined = making(mini.undefined);

export { _enum as enum, _null as null, _undefined as undefined };
export const string = making(mini.string);
export const uuid = making(mini.uuid);
export const number = making(mini.number);
export const int = making(mini.int);
export const boolean = making(mini.boolean);
export const unknown = making(mini.unknown);
export const literal = making(mini.literal);
export const array = making(mini.array);
export const record = making(mini.record);
export const tuple = making(mini.tuple);
export const object = making(mini.object);
export const strictObject = making(mini.strictObject);
export const looseObject = making(mini.looseObject);
export const union = making(mini.union);
export const discriminatedUnion = making(mini.discriminatedUnion);
export const iso = { datetime: making(mini.iso.datetime), date: making(mini.iso.date) };
export const NEVER = mini.NEVER;
