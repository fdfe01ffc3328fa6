/** Generators of bodies that a schema of ours allows. */
import * as fc from "fast-check";
import type * as z from "zod";

/** Values that fit the schema. Answers only: defaults and transforms, which only requests have, are refused. */
export function arbitraryOf(schema: z.ZodType): fc.Arbitrary<unknown> {
  // The definitions are a closed union in zod, but its type is not exported as one.
  const def = schema.def as unknown as Definition;
  switch (def.type) {
    case "object":
      return fc.record(Object.fromEntries(Object.entries(def.shape).map(([key, field]) => [key, arbitraryOf(field)])), {
        requiredKeys: Object.keys(def.shape).filter((key) => def.shape[key]?.def.type !== "optional"),
      });
    case "array":
      return fc.array(fc.nat(), { maxLength: 2 }).chain((a) => fc.tuple(...a.map(() => arbitraryOf(def.element))));
    case "tuple":
      return fc.tuple(...def.items.map(arbitraryOf));
    case "record":
      return fc.dictionary(fc.constantFrom("k", "some.key", "x-y"), arbitraryOf(def.valueType), { maxKeys: 2 });
    case "union":
      return fc.oneof(...def.options.map(arbitraryOf));
    case "nullable":
      return fc.option(fc.constant(0).chain(() => arbitraryOf(def.innerType)));
    case "optional":
      return arbitraryOf(def.innerType);
    case "literal":
      return fc.constantFrom(...def.values);
    case "enum":
      return fc.constantFrom(...Object.values(def.entries));
    case "string":
      return text(schema as z.ZodString);
    case "number":
      return number(schema as z.ZodNumber);
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "unknown":
      return fc.constantFrom(null, 0, -1.5, "text", true, [1, null], {}, { k: { deep: [] } });
    case "lazy":
      return fc.constant(0).chain(() => arbitraryOf(def.getter()));
    default:
      throw new Error(`no samples for a schema of type ${schema.def.type}`);
  }
}

/** The body with empty lists, and null wherever it is allowed. */
export function smallest(schema: z.ZodType): unknown {
  const def = schema.def as unknown as Definition;
  switch (def.type) {
    case "object":
      return Object.fromEntries(
        Object.entries(def.shape)
          .filter(([, field]) => field.def.type !== "optional")
          .map(([key, field]) => [key, smallest(field)]),
      );
    case "array":
      return [];
    case "record":
      return {};
    case "union":
      return smallest(def.options[0] as z.ZodType);
    case "nullable":
    case "unknown":
      return null;
    default:
      return fc.sample(arbitraryOf(schema), { numRuns: 1, seed: 1 })[0];
  }
}

function text(schema: z.ZodString): fc.Arbitrary<string> {
  const pattern = schema._zod.bag.patterns ? [...schema._zod.bag.patterns][0] : undefined;
  if (schema.format === "datetime") {
    return fc.integer({ min: 0, max: 4_102_444_800_000 }).map((ms) => new Date(ms).toISOString());
  }
  return pattern ? fc.stringMatching(pattern) : fc.constantFrom("", "a", "some text", "ünï ✓", "2026");
}

function number(schema: z.ZodNumber): fc.Arbitrary<number> {
  const { minimum = -1e15, maximum = 1e15 } = schema._zod.bag as { minimum?: number; maximum?: number };
  const min = Math.max(minimum, -9e15);
  const max = Math.min(maximum, 9e15);
  return schema.isInt ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true }).map((n) => n + 0);
}

type Definition =
  | { type: "object"; shape: Record<string, z.ZodType> }
  | { type: "array"; element: z.ZodType }
  | { type: "tuple"; items: z.ZodType[] }
  | { type: "record"; valueType: z.ZodType }
  | { type: "union"; options: z.ZodType[] }
  | { type: "nullable" | "optional"; innerType: z.ZodType }
  | { type: "literal"; values: unknown[] }
  | { type: "enum"; entries: Record<string, string> }
  | { type: "lazy"; getter: () => z.ZodType }
  | { type: "string" | "number" | "boolean" | "null" | "unknown" };
