import { expect, test } from "vitest";
import * as z from "zod";
import { problemsOf } from "./problems.ts";
import { controlOf, firstValue, type Schema } from "./schema.ts";
import { fits } from "./variant.ts";

const schemaOf = (type: z.ZodType): Schema => z.toJSONSchema(type, { io: "input" }) as Schema;

test.each([
  [z.string(), "text"],
  [z.int(), "number"],
  [z.boolean(), "boolean"],
  [z.enum(["a", "b"]), "choice"],
  [z.literal("x"), "choice"],
  [z.string().nullable(), "nullable"],
  [z.union([z.object({ kind: z.literal("card") }), z.object({ kind: z.literal("bill") })]), "variants"],
  [z.array(z.string()), "list"],
  [z.record(z.string(), z.number()), "record"],
  [z.object({ a: z.string() }), "object"],
  [z.unknown(), "json"],
  [z.tuple([z.string(), z.number()]), "tuple"],
  [z.intersection(z.object({ a: z.string() }), z.object({ b: z.string() })), "object"],
  [z.record(z.string(), z.unknown()).and(z.object({ a: z.string() })), "object"],
])("a form shows schema %# as %s", (type, kind) => {
  const schema = schemaOf(type);
  expect(controlOf(schema, schema).kind).toBe(kind);
});

test("the first value fits the schema where defaults and required fields allow one", async () => {
  const schema = schemaOf(
    z.object({
      count: z.int().min(2),
      name: z.string(),
      level: z.enum(["low", "high"]),
      tags: z.array(z.string()).default(["new"]),
      note: z.string().optional(),
      address: z.object({ city: z.string() }),
    }),
  );
  const value = firstValue(schema, schema);
  expect(value).toEqual({ count: 2, name: "", level: "low", tags: ["new"], address: { city: "" } });
  expect(await problemsOf(schema, value)).toEqual([]);
});

test("a schema that refers to itself ends", () => {
  const schema = {
    $ref: "#/$defs/tree",
    $defs: { tree: { type: "object", properties: { left: { $ref: "#/$defs/tree" } }, required: ["left"] } },
  };
  expect(firstValue(schema, schema)).toBeTypeOf("object");
  const circle = { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/a" } } };
  expect(controlOf(circle, circle).kind).toBe("json");
});

test("the variant of a value is found by its fixed field", () => {
  const variants = [
    { type: "object", properties: { kind: { const: "card" } }, required: ["kind"] },
    { type: "object", properties: { kind: { const: "bill" } }, required: ["kind"] },
  ];
  expect(variants.findIndex((one) => fits(one, one, { kind: "bill" }))).toBe(1);
  expect(fits({ type: "number" }, {}, 3)).toBe(true);
  expect(fits({ type: "string" }, {}, 3)).toBe(false);
});
