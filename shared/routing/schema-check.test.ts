import { describe, expect, test } from "vitest";
import * as z from "zod";
import { zodToDetail } from "../protocol/detail.ts";
import { inputProblems, schemaProblem } from "./schema-check.ts";

/** A time limit, ms, for checks that have no end. */
const SOON = 300;

const problems = async (schema: z.ZodType, input: unknown) =>
  (await inputProblems(z.toJSONSchema(schema, { io: "input" }), input)).map(
    (p) => `${p.loc.slice(2).join(".")} ${p.type}`,
  );

describe("the problems of an input", () => {
  test.each([
    ["a missing field", z.object({ a: z.string() }), {}, ["a missing"]],
    [
      "a wrong type, deep inside",
      z.object({ a: z.array(z.object({ b: z.number() })) }),
      { a: [{ b: 1 }, { b: "2" }] },
      ["a.1.b number_type"],
    ],
    ["a number out of range", z.object({ n: z.number().min(3) }), { n: 1 }, ["n greater_than_equal"]],
    [
      "a field too many, where the author says strict",
      z.strictObject({ a: z.number() }),
      { a: 1, z: 2 },
      ["z extra_forbidden"],
    ],
    ["a value outside an enum", z.object({ e: z.enum(["x", "y"]) }), { e: "z" }, ["e enum"]],
    ["a text too short", z.object({ s: z.string().min(2) }), { s: "a" }, ["s string_too_short"]],
    ["a malformed date", z.object({ d: z.iso.date() }), { d: "31.1.2026" }, ["d date_parsing"]],
    [
      "a shared definition",
      z.object({ l: z.string().min(2).meta({ id: "Long" }) }),
      { l: "a" },
      ["l string_too_short"],
    ],
    ["a text instead of an object", z.object({ a: z.string() }), "text", [" object_type"]],
  ])("%s", async (_, schema, input, expected) => {
    expect((await problems(schema, input)).toSorted()).toEqual(expected);
  });

  test("are none when it fits, extra fields and defaults included", async () => {
    const schema = z.object({ a: z.number(), b: z.string().default("x"), c: z.union([z.string(), z.null()]) });
    expect(await problems(schema, { a: 1, c: null, more: true })).toEqual([]);
  });

  test("of a tree are found at any depth", async () => {
    const Tree: z.ZodType = z.object({
      v: z.number(),
      get kids() {
        return z.array(Tree).optional();
      },
    });
    expect(await problems(Tree, { v: 1, kids: [{ v: 2, kids: [{ v: "3" }] }] })).toEqual([
      "kids.0.kids.0.v number_type",
    ]);
  });

  test("of an absent input are those of an empty object, unless the schema wants null", async () => {
    expect(await problems(z.object({ a: z.number() }), null)).toEqual(["a missing"]);
    expect(await problems(z.object({ a: z.number().optional() }), null)).toEqual([]);
    expect(await problems(z.null(), null)).toEqual([]);
    expect(await inputProblems({}, null)).toEqual([]);
  });

  test("of a key with odd characters name that key", async () => {
    const schema = { type: "object", properties: { "a/b~c": { type: "string" } } };
    expect((await inputProblems(schema, { "a/b~c": 1 }))[0]?.loc).toEqual(["body", "input", "a/b~c"]);
  });

  test("are at most fifty", async () => {
    const input = { a: Array.from({ length: 500 }, () => 1) };
    expect(await problems(z.object({ a: z.array(z.string()) }), input)).toHaveLength(50);
  });
});

test.each([
  ["nested repetition", { properties: { a: { type: "string", pattern: "^(a+)+$" } } }, `${"a".repeat(40)}!`],
  ["alternatives that overlap", { properties: { a: { pattern: "^(a|aa)+$" } } }, `${"a".repeat(80)}!`],
  ["two repetitions in a row", { properties: { a: { pattern: "a*a*a*a*$" } } }, `${"a".repeat(20_000)}!`],
  ["a look-ahead", { properties: { a: { pattern: "^(?=(a+)+$)" } } }, `${"a".repeat(40)}!`],
])("a pattern that backtracks without end, with %s, is refused in time", async (_, schema, text) => {
  const before = performance.now();
  expect(await inputProblems({ type: "object", ...schema }, { a: text }, SOON)).toMatchObject([
    { type: "check_too_slow" },
  ]);
  expect((await inputProblems({ type: "object", ...schema }, { a: "b" })).map(({ type }) => type)).not.toContain(
    "check_too_slow",
  );
  expect(performance.now() - before).toBeLessThan(5_000);
});

test("a pattern for keys that backtracks without end is refused in time", async () => {
  const schema = { type: "object", patternProperties: { "^(a+)+$": {} } };
  expect(await inputProblems(schema, { [`${"a".repeat(40)}!`]: 1 }, SOON)).toMatchObject([{ type: "check_too_slow" }]);
});

const row = {
  type: "object",
  properties: { id: { type: "integer" }, name: { type: "string" }, price: { type: "number" } },
  required: ["id", "name"],
};
async function whileOthersAreServed<T>(check: () => Promise<T>): Promise<{ found: T; turns: number }> {
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const found = await check();
  isDone = true;
  return { found, turns };
}

const table = (price: unknown) => ({ rows: Array.from({ length: 30_000 }, (_, id) => ({ id, name: "n", price })) });
const TABLES = {
  "of plain rows": row,
  "whose rows are one of several": { anyOf: [{ type: "string" }, { type: "null" }, row] },
};

test.each(Object.entries(TABLES))(
  "a table %s is checked in a thread, and others are served meanwhile",
  async (_, items) => {
    const schema = { type: "object", properties: { rows: { type: "array", items } } };
    for (const [input, types] of [
      [table(1.5), []],
      [table("1.5"), expect.arrayContaining(["number_type"])],
    ] as const) {
      const { found, turns } = await whileOthersAreServed(() => inputProblems(schema, input, 30_000));
      expect(found.map(({ type }) => type)).toEqual(types);
      expect(turns).toBeGreaterThan(20);
    }
  },
  60_000,
);

test("many alternatives that each of a few values misses do not hold the server", async () => {
  const rows = { items: { anyOf: Array(1_700).fill({ not: {} }) } };
  const input = { rows: Array.from({ length: 190 }, (_, i) => i) };
  const { turns } = await whileOthersAreServed(() => inputProblems({ properties: { rows } }, input));
  expect(turns).toBeGreaterThan(20);
});

test("an input with more problems than the stack holds is refused", async () => {
  const alternatives = Array.from({ length: 60 }, (_, i) => ({
    required: ["a"],
    properties: { a: { const: i } },
    type: "object",
  }));
  const rows = { items: { anyOf: alternatives } };
  const input = { rows: Array.from({ length: 9_000 }, (_, i) => i) };
  expect(await inputProblems({ properties: { rows } }, input, 30_000)).not.toEqual([]);
});

test("a check that takes too long is refused, and the next one is served", async () => {
  const unique = { type: "object", properties: { rows: { uniqueItems: true } } };
  expect(await inputProblems(unique, { rows: Array.from({ length: 190_000 }, (_, i) => i) }, SOON)).toMatchObject([
    { type: "check_too_slow" },
  ]);
  expect(await inputProblems(unique, { rows: [1, 2] })).toEqual([]);
  expect(await inputProblems(unique, { rows: [...Array.from({ length: 2_000 }, (_, i) => i), 1] })).toHaveLength(1);
});

/** Each definition refers twice to the next: the check of one value is the check of 2^30. */
const doubling = Object.fromEntries(
  Array.from({ length: 30 }, (_, i) => [`d${i}`, { allOf: Array(2).fill({ $ref: `#/$defs/d${i + 1}` }) }]),
);

test("references that double at each level neither hold the server at a registration nor at a start", async () => {
  const $defs = { ...doubling, d30: {} };
  expect(await schemaProblem({ $ref: "#/$defs/d0", $defs })).toContain("refer");
  const hidden = { type: "object", properties: { a: { $ref: "#/$defs/d0" } }, $defs };
  expect(await schemaProblem(hidden)).toBeNull();
  const few = { ...$defs, d10: {} }; // 2,046 visits
  expect(await schemaProblem({ $ref: "#/$defs/d0", $defs: few })).toBeNull();
  expect(await inputProblems(hidden, { a: 1 }, SOON)).toMatchObject([{ type: "check_too_slow" }]);
});

test("a schema with an endless reference refuses nothing", async () => {
  const circle = { type: "object", properties: { a: { $ref: "#/properties/a" } } };
  expect(await inputProblems(circle, { a: 1 })).toEqual([]);
});

describe("a schema", () => {
  test.each([
    ["an ordinary one", z.toJSONSchema(z.object({ a: z.string().optional() })), null],
    ["everything", {}, null],
    ["a reference to nothing", { $ref: "#/$defs/nope" }, "nope"],
    ["the same id twice", { $defs: { a: { $id: "x" }, b: { $id: "x" } } }, "x"],
    [
      "a pattern that is no regular expression",
      { properties: { a: { type: "string", pattern: "(" } } },
      "Invalid regular expression",
    ],
    ["a pattern that backtracks exponentially", { properties: { a: { pattern: "^(a+)+$" } } }, "^(a+)+$ backtracks"],
    ["a pattern for keys that does", { patternProperties: { "^(a|aa)+$": {} } }, "^(a|aa)+$ backtracks"],
    ["patterns that zod makes", z.toJSONSchema(z.object({ a: z.email(), b: z.iso.datetime(), c: z.base64() })), null],
  ])("%s", async (_, schema, expected) => {
    const problem = await schemaProblem(schema as Record<string, unknown>);
    if (expected === null) expect(problem).toBeNull();
    else expect(problem).toContain(expected);
  });
});

test.each<[string, z.ZodType, unknown]>([
  ["a wrong type", z.object({ a: z.string() }), { a: 1 }],
  ["a fraction", z.object({ a: z.int() }), { a: 1.5 }],
  ["a missing key", z.object({ a: z.number() }), {}],
  ["an unknown key", z.strictObject({ a: z.number() }), { a: 3, b: 1 }],
  ["a short text", z.object({ a: z.string().min(2) }), { a: "x" }],
  ["a long text", z.object({ a: z.string().max(2) }), { a: "xyz" }],
  ["a short list", z.object({ a: z.array(z.number()).min(2) }), { a: [1] }],
  ["a long list", z.object({ a: z.array(z.number()).max(1) }), { a: [1, 2] }],
  ["a number below the least", z.object({ a: z.number().min(2) }), { a: 1.5 }],
  ["a number above the greatest", z.object({ a: z.number().max(2) }), { a: 3 }],
  ["a number at an open lower bound", z.object({ a: z.number().gt(2) }), { a: 2 }],
  ["a number at an open upper bound", z.object({ a: z.number().lt(2.5) }), { a: 2.5 }],
  ["a number between steps", z.object({ a: z.number().multipleOf(2) }), { a: 3 }],
  ["none of several texts", z.object({ a: z.enum(["x", "y"]) }), { a: "z" }],
  ["another text than the only one", z.object({ a: z.literal("x") }), { a: "z" }],
  ["a text that misses a pattern", z.object({ a: z.string().regex(/^a+$/) }), { a: "b" }],
  ["no date", z.object({ a: z.iso.date() }), { a: "b" }],
  ["no date and time", z.object({ a: z.iso.datetime() }), { a: "b" }],
  ["no email address", z.object({ a: z.email() }), { a: "b" }],
  ["no UUID", z.object({ a: z.uuid() }), { a: "b" }],
  ["a problem in a list", z.object({ a: z.array(z.string()) }), { a: ["x", true] }],
])("%s has the words that the server's own schemas have for it", async (_, schema, input) => {
  const own = zodToDetail(schema.safeParse(input, { reportInput: true }).error!, "body");
  const found = await inputProblems(z.toJSONSchema(schema, { io: "input" }), input);
  const here = found.map(({ loc: [body, , ...rest], ...words }) => ({ loc: [body, ...rest], ...words }));
  expect(here).toEqual(own.map(({ loc, msg, type }) => ({ loc, msg, type })));
});

test("what only JSON Schema can say is told with its keyword", async () => {
  const schema = { type: "object", minProperties: 2, properties: { a: { anyOf: [{ type: "string" }, { const: 1 }] } } };
  expect(await inputProblems(schema, { a: "x" })).toMatchObject([{ msg: expect.stringContaining("minProperties") }]);
  expect((await inputProblems({ uniqueItems: true }, [1, 1]))[0]?.msg).toContain("expected items that differ");
});
