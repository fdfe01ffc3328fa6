/** Schemas of inputs as workers register them, each with values that fit and values that do not. */

export interface SchemaFixture {
  readonly name: string;
  readonly schema: Record<string, unknown>;
  readonly fits: readonly unknown[];
  readonly refused: readonly unknown[];
  /** No form can show it: the page shows JSON and says why. */
  readonly unsupported?: RegExp;
}

const object = (properties: Record<string, unknown>, required: string[] = Object.keys(properties), more = {}) => ({
  type: "object",
  properties,
  required,
  ...more,
});
const of = (name: string, schema: unknown, fits: unknown[], refused: unknown[]): SchemaFixture => ({
  name,
  schema: object({ value: schema }),
  fits: fits.map((value) => ({ value })),
  refused: refused.map((value) => ({ value })),
});

const card = object({ kind: { const: "card" }, number: { type: "string", minLength: 4 } });
const bill = object({ kind: { const: "bill" }, days: { type: "integer", minimum: 1 } });

export const SCHEMAS: readonly SchemaFixture[] = [
  of("text", { type: "string" }, ["", "a", "two\nlines", " spaces "], [1, null]),
  of("text-length", { type: "string", minLength: 2, maxLength: 5 }, ["ab", "abcde"], ["a", "abcdef"]),
  of("pattern", { type: "string", pattern: "^[A-Z]{2}\\d+$" }, ["DE1", "FR22"], ["de1", "", "D1"]),
  of("date-time", { type: "string", format: "date-time" }, ["2026-01-31T09:30:00Z"], ["2026-01-31", "soon"]),
  of("date", { type: "string", format: "date" }, ["2026-01-31"], ["31.1.2026"]),
  of("email", { type: "string", format: "email" }, ["ada@example.com"], ["ada"]),
  of("uuid", { type: "string", format: "uuid" }, ["0190a1d0-0000-7000-8000-000000000000"], ["x"]),
  of("integer", { type: "integer" }, [0, -7, 9007199254740991], [0.5, "7", null]),
  of("number", { type: "number", minimum: -1, exclusiveMaximum: 10 }, [-1, 9.99, 2.5e-7], [10, -1.5, "x"]),
  of("multiple", { type: "integer", multipleOf: 5 }, [0, 15], [7]),
  of("boolean", { type: "boolean" }, [true, false], ["true", 0]),
  of("enum", { enum: ["low", "high", 3, null] }, ["low", 3, null], ["middle", 4]),
  of("const", { const: "fixed" }, ["fixed"], ["other"]),
  of(
    "titled-constants",
    {
      oneOf: [
        { const: 1, title: "one" },
        { const: 2, title: "two" },
      ],
    },
    [1, 2],
    [3],
  ),
  of("nullable-pair", { type: ["string", "null"] }, ["a", null], [1]),
  of("nullable-any-of", { anyOf: [{ type: "integer" }, { type: "null" }] }, [4, null], ["4"]),
  of("several-types", { type: ["string", "integer", "boolean"] }, ["7", 7, true], [null, [7]]),
  of(
    "any-of-objects",
    { anyOf: [card, bill] },
    [
      { kind: "card", number: "1234" },
      { kind: "bill", days: 30 },
    ],
    [{ kind: "card", number: "1" }, { kind: "cash" }],
  ),
  of(
    "any-of-without-kind",
    { anyOf: [object({ a: { type: "string" } }), object({ a: { type: "string" }, b: { type: "integer" } })] },
    [{ a: "x" }, { a: "x", b: 1 }],
    [{ b: 1 }],
  ),
  of(
    "array",
    { type: "array", items: { type: "string" }, minItems: 1, maxItems: 3 },
    [["a"], ["a", "b", "c"]],
    [[], ["a", "b", "c", "d"], ["a", 1]],
  ),
  of("unique-array", { type: "array", items: { type: "integer" }, uniqueItems: true }, [[], [1, 2]], [[1, 1]]),
  of(
    "array-of-objects",
    { type: "array", items: object({ n: { type: "integer" } }) },
    [[], [{ n: 1 }, { n: 2 }]],
    [[{ n: "1" }], [{}]],
  ),
  of(
    "nested-arrays",
    { type: "array", items: { type: "array", items: { type: "number" } } },
    [[[1], [], [2, 3]]],
    [[1]],
  ),
  of(
    "tuple",
    { type: "array", prefixItems: [{ type: "string" }, { type: "integer" }], items: false },
    [["a", 1]],
    [
      [1, "a"],
      ["a", 1, 2],
    ],
  ),
  of(
    "dictionary",
    { type: "object", additionalProperties: { type: "integer" } },
    [{}, { a: 1, "b c": 2 }],
    [{ a: "1" }],
  ),
  of(
    "dictionary-of-lists",
    { type: "object", additionalProperties: { type: "array", items: { type: "string" } } },
    [{ x: ["1"], y: [] }],
    [{ x: "1" }],
  ),
  of(
    "dictionary-with-names",
    { type: "object", propertyNames: { pattern: "^[a-z]+$" }, additionalProperties: { type: "integer" } },
    [{ a: 1 }],
    [{ A: 1 }],
  ),
  {
    name: "optional-and-defaults",
    schema: object(
      {
        name: { type: "string", default: "ada" },
        count: { type: "integer", default: 3, minimum: 1 },
        note: { type: "string" },
        deep: object({ tags: { type: "array", items: { type: "string" }, default: ["new"] } }, []),
      },
      [],
    ),
    fits: [{}, { name: "x" }, { count: 1, deep: {} }, { note: "n", deep: { tags: [] } }],
    refused: [{ count: 0 }, { deep: { tags: "new" } }, { note: null }],
  },
  {
    name: "references",
    schema: {
      ...object({ from: { $ref: "#/$defs/place" }, to: { $ref: "#/$defs/place", description: "the goal" } }),
      $defs: {
        place: object({ city: { type: "string", minLength: 1 }, "zip/code": { $ref: "#/$defs/zip~1code" } }, ["city"]),
        "zip/code": { type: "string" },
      },
    },
    fits: [{ from: { city: "Ulm" }, to: { city: "Bern", "zip/code": "3000" } }],
    refused: [{ from: { city: "" }, to: { city: "Bern" } }, { from: { city: "Ulm" } }],
  },
  {
    name: "tree",
    schema: {
      $ref: "#/$defs/node",
      $defs: {
        node: object({ name: { type: "string" }, children: { type: "array", items: { $ref: "#/$defs/node" } } }, [
          "name",
        ]),
      },
    },
    fits: [{ name: "a" }, { name: "a", children: [{ name: "b", children: [{ name: "c" }] }, { name: "d" }] }],
    refused: [{ name: "a", children: [{}] }],
  },
  {
    name: "all-of",
    schema: { allOf: [object({ a: { type: "string" } }), object({ b: { type: "integer" } })] },
    fits: [{ a: "x", b: 1 }],
    refused: [{ a: "x" }, { a: "x", b: "1" }],
  },
  {
    name: "strict",
    schema: object({ a: { type: "string" } }, ["a"], { additionalProperties: false }),
    fits: [{ a: "x" }],
    refused: [{ a: "x", b: 1 }],
  },
  {
    name: "fields-and-more",
    schema: object({ a: { type: "string" } }, ["a"], { additionalProperties: { type: "integer" } }),
    fits: [{ a: "x" }, { a: "x", b: 1 }],
    refused: [{ a: "x", b: "1" }],
  },
  {
    name: "unknown-fields-are-kept",
    schema: object({ a: { type: "string" } }),
    fits: [{ a: "x", other: { deep: [1, "2", null] }, flag: true }],
    refused: [{ other: 1 }],
  },
  {
    name: "condition",
    schema: object({ a: { type: "string" } }, ["a"], {
      if: { properties: { a: { const: "x" } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ["b"] },
    }),
    fits: [{ a: "y" }, { a: "x", b: 1 }],
    refused: [{ a: "x" }],
    unsupported: /uses 'if'/,
  },
  {
    name: "not",
    schema: { type: "object", not: { required: ["secret"] } },
    fits: [{}, { a: 1 }],
    refused: [{ secret: 1 }],
    unsupported: /uses 'not'/,
  },
  {
    name: "patterns-of-names",
    schema: { type: "object", patternProperties: { "^x-": { type: "integer" } } },
    fits: [{ "x-a": 1 }, { b: "free" }],
    refused: [{ "x-a": "1" }],
    unsupported: /uses 'patternProperties'/,
  },
  {
    name: "anything",
    schema: {},
    fits: [{}, { a: [1] }],
    refused: [],
    unsupported: /allows any value/,
  },
];
