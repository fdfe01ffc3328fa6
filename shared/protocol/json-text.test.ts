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
