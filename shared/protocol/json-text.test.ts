import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJson } from "./json-text.ts";

const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const problem = (text: string, depth?: number) => {
  const read = readJson(text, depth);
  return "problem" in read ? read.problem : null;
};

describe("depth", () => {
  test("is accepted up to the limit, and refused beyond it by its place", () => {
    expect(problem(nested(128))).toBeNull();
    expect(problem(nested(129))).toMatchObject({ type: "json_too_deep", msg: expect.stringContaining("128") });
    expect(problem(`{"a":1,"b":[1,{"c\\n":${nested(128)}}]}`, 4)).toMatchObject({ loc: ["b", 1, "c\n", 0] });
  });

  test("of brackets in texts and keys does not count", () => {
    const text = JSON.stringify({ [nested(500)]: `\\"${nested(500)}\\` });
    expect(readJson(text, 1)).toEqual({ value: JSON.parse(text) });
  });

  test("of sixteen megabytes of brackets is refused without effort", () => {
    expect(problem("[".repeat(16 * 1024 * 1024))).toMatchObject({ type: "json_too_deep" });
    expect(problem('{"a":'.repeat(3_000_000))).toMatchObject({ type: "json_too_deep" });
  });
});

describe("numbers", () => {
  test.each([
    "1e400",
    "-1e400",
    `1${"0".repeat(400)}`,
    "1e-400",
    "-0.1e-400",
    "12345678901234567890",
    "-9007199254740993",
    "1152921504606846976",
  ])("%s is refused by its place", (number) => {
    expect(problem(`{"a":[0,${number}]}`)).toMatchObject({ loc: ["a", 1], type: "json_number" });
  });

  test.each([
    "0",
    "-0",
    "0.1",
    "1.5e300",
    "5e-324",
    "9007199254740991",
    "-9007199254740992",
    "12345678901234567000",
    "0e400",
    "0.000e-400",
    "0.12345678901234567890123",
  ])("%s is accepted", (number) => {
    expect(readJson(`[${number}]`)).toEqual({ value: [Number(number)] });
  });
});

describe("bounds", () => {
  const bounded = (json: string, values: number, keys: number) => {
    const read = readJson(json, 128, { values, keys });
    return "problem" in read ? read.problem : null;
  };

  test("of values count each text, number, literal, array and object, and no key", () => {
    const json = '{"a":[1,-2.5e3,"t","a,\\"b\\":1",true,false,null,{},[],[ ]],"b":{"c":{}}}';
    expect(bounded(json, 14, 100)).toBeNull();
    expect(bounded(json, 13, 100)).toMatchObject({ loc: ["b", "c"], msg: expect.stringContaining("13 values") });
  });

  test("of keys count those of objects of the same form once", () => {
    const rows = JSON.stringify({ rows: Array.from({ length: 1_000 }, (_, i) => ({ a: i, 'b"': { c: "x" } })) });
    expect(bounded(rows, 10_000, 4)).toBeNull();
    expect(bounded(rows, 10_000, 2)).toMatchObject({ loc: ["rows", 0], type: "json_too_many" });
    const turned = '[{"a":1,"b":2},{"b":1,"a":2},{"a":{"b":2}}]';
    expect(bounded(turned, 100, 6)).toBeNull();
    expect(bounded(turned, 100, 5)).toMatchObject({ loc: [2], msg: expect.stringContaining("5 different keys") });
  });

  test("count the values and keys of any JSON, however it is indented", () => {
    const sizes = (value: unknown, forms: Set<string>): { values: number; keys: number } => {
      if (typeof value !== "object" || value === null) return { values: 1, keys: 0 };
      const parts = Object.values(value).map((part) => sizes(part, forms));
      const form = JSON.stringify(Object.keys(value));
      const own = Array.isArray(value) || forms.has(form) ? 0 : Object.keys(value).length;
      if (own > 0) forms.add(form);
      return {
        values: parts.reduce((sum, part) => sum + part.values, 1),
        keys: parts.reduce((sum, part) => sum + part.keys, own),
      };
    };
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (given, indent) => {
        const json = JSON.stringify(given, undefined, indent);
        const { values, keys } = sizes(JSON.parse(json), new Set());
        expect(bounded(json, values, keys)).toBeNull();
        expect(bounded(json, values - 1, keys)).toMatchObject({ type: "json_too_many" });
        if (keys > 0) expect(bounded(json, values, keys - 1)).toMatchObject({ type: "json_too_many" });
      }),
    );
  });
});

test("of a key that an object has twice, the last value is read, as JavaScript does", () => {
  expect(readJson('{"a":1,"a":{"b":2},"__proto__":1,"__proto__":2}')).toEqual({
    value: JSON.parse('{"a":{"b":2},"__proto__":2}'),
  });
});

describe("halves of surrogate pairs", () => {
  test.each([
    ['["a","\\ud83d"]', [1]],
    ['{"a":{"b":"\\uDE00\\uD83D"}}', ["a", "b"]],
    ['{"a":1,"\\ud83dx":2}', [""]],
    ['"\\ud83d"', []],
  ])("%s is refused by its place", (text, loc) => {
    expect(problem(text)).toMatchObject({ loc, type: "json_surrogate", msg: expect.stringContaining("U+FFFD") });
  });

  test("whatever JavaScript writes is accepted if and only if all its texts are well formed", () => {
    const unit = fc.constantFrom("a", "\\", '"', "u", "d83d", "\ud83d", "\ude00", "😀", "é", "\n");
    const text = fc.string({ unit });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (entries) => {
        const read = readJson(JSON.stringify(Object.fromEntries(entries)));
        const isWhole = Object.entries(Object.fromEntries(entries))
          .flat()
          .every((one) => one.isWellFormed());
        expect("value" in read).toBe(isWhole);
        if ("value" in read) expect(read.value).toEqual(Object.fromEntries(entries));
      }),
    );
  });
});

test("whatever JavaScript writes is read as it was, keys called __proto__ included", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(JSON.stringify(readJson(text))).toBe(`{"value":${text}}`);
    }),
  );
  expect(JSON.stringify(readJson('{"__proto__":{"a":1}}'))).toBe('{"value":{"__proto__":{"a":1}}}');
});

test("what is no JSON is refused as JSON.parse refuses it", () => {
  for (const text of ["", "{", '"', '{"a" 1}', "[1,]", "01", "1.e", "--1", "nul", '"\n"', "[1]]", "-"]) {
    expect(problem(text), text).toMatchObject({ type: "json_invalid", msg: expect.stringMatching(/^not JSON: /) });
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'[]{}",:0123456789.eE+-\\ntrue ') }), (text) => {
      const parses = (() => {
        try {
          JSON.parse(text);
          return true;
        } catch {
          return false;
        }
      })();
      const found = problem(text);
      if (found === null) expect(parses).toBe(true);
      if (found?.type === "json_invalid") expect(parses).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});
