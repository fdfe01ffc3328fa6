import { isDeepStrictEqual } from "node:util";
import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidValueError } from "./errors.ts";
import { atMostBytes, bytesOver, copyJson, payloadBytes, roughSize, smallBytes, toJson } from "./json.ts";

class Money {
  readonly cents = 5;
  toJSON() {
    return { cents: this.cents };
  }
}

/** `levels` arrays in one another. */
function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

/** An object that holds the same object twice, which holds the same object twice, and so on. */
function twice(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = { left: value, right: value };
  return value;
}

describe("JSON", () => {
  test("copies of any JSON value are equal and share no object", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.parse(JSON.stringify(value));
        expect(toJson(json, "x")).toEqual(json);
        expect(copyJson(json)).toEqual(json);
        if (typeof json === "object" && json !== null) expect(copyJson(json)).not.toBe(json);
      }),
    );
  });

  test("holds no half of a surrogate pair, so that UTF-8 and all clients can hold it", () => {
    const cut = "cut 😀".slice(0, 5);
    expect(toJson({ [cut]: [cut, "😀"] }, "x")).toEqual({ "cut \ufffd": ["cut \ufffd", "😀"] });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0xd7ff, max: 0xe000 })), (units) => {
        const text = String.fromCharCode(...units);
        const copy = toJson({ text, [text]: 1 }, "x");
        expect(JSON.parse(Buffer.from(JSON.stringify(copy)).toString())).toEqual(copy);
        expect(JSON.stringify(copy)).not.toMatch(/\\ud[89a-f]/);
      }),
    );
  });

  test("both counts of bytes are the length of the JSON text", () => {
    const short = fc.string({ unit: "binary" });
    const long = fc.string({ unit: "grapheme", minLength: 60, maxLength: 80 });
    const value = fc.object({
      key: short,
      values: [short, long, fc.double(), fc.integer(), fc.boolean(), fc.constant(null)],
    });
    fc.assert(
      fc.property(fc.oneof(value, fc.jsonValue(), short, long, fc.double()), (any) => {
        expect(smallBytes(any)).toBe(Buffer.byteLength(JSON.stringify(any)));
        expect(payloadBytes(any)).toBe(Buffer.byteLength(JSON.stringify(any)));
      }),
    );
    expect(smallBytes({ a: undefined, list: [], none: {}, at: new Date(0) })).toBe(
      payloadBytes({ a: undefined, list: [], none: {}, at: new Date(0) }),
    );
  });

  test("undefined is left out, and toJSON is called", () => {
    expect(toJson({ a: undefined, at: new Date(0), price: new Money(), list: [undefined] }, "x")).toEqual({
      at: "1970-01-01T00:00:00.000Z",
      price: { cents: 5 },
      list: [null],
    });
    expect(toJson(undefined, "x")).toBeNull();
  });

  test("a key called __proto__ is copied as a key", () => {
    const odd = JSON.parse('{"__proto__": {"a": 1}}');
    expect(JSON.stringify(copyJson(odd))).toBe('{"__proto__":{"a":1}}');
    expect(JSON.stringify(toJson(odd, "x"))).toBe('{"__proto__":{"a":1}}');
    expect(Object.getPrototypeOf(copyJson(odd))).toBe(Object.prototype);
  });

  const loop: { self?: unknown } = {};
  loop.self = loop;
  test.each<[unknown, string]>([
    [{ a: [Number.NaN] }, "x.a[0] is NaN"],
    [{ a: 1n }, "x.a is a bigint, which JSON cannot hold: send it as a string"],
    [{ f: () => {} }, "x.f is a function"],
    [new Map(), "x is a Map"],
    [[new Set()], "x[0] is a Set"],
    [new Uint8Array(1), "x is a Uint8Array"],
    [{ p: Promise.resolve() }, "x.p is a Promise, which JSON cannot hold: await it first"],
    [loop, "x.self is an object that contains itself"],
    [Symbol("s"), "x is a symbol"],
    [{ at: new Date(Number.NaN) }, "x.at is an invalid Date"],
    [{ why: new Error("gone") }, "x.why is an error (Error)"],
    [new AggregateError([]), "x is an error (AggregateError)"],
    [runInNewContext("new TypeError('gone')"), "x is an error (TypeError)"],
    [runInNewContext("new Map([[1, 2]])"), "x is a Map"],
    [runInNewContext("Promise.resolve()"), "x is a Promise"],
    [/a/, "x is a RegExp without fields of its own"],
    [new URLSearchParams("a=1"), "x is a URLSearchParams without fields of its own"],
    [new Headers({ a: "1" }), "x is a Headers without fields of its own"],
    [new WeakMap(), "x is a WeakMap without fields of its own"],
    [[1].values(), "without fields of its own"],
    [new ArrayBuffer(1), "x is a ArrayBuffer"],
    [Object(1n), "x is a bigint"],
    [nested(129), "is nested deeper than 128 levels"],
    [new Proxy(new Map(), {}), "x is a Map without fields of its own"],
  ])("a value that would silently change is refused, and the error names its place (%#)", (value, message) => {
    expect(() => toJson(value, "x")).toThrow(message);
  });

  test.each<[string, () => unknown]>([
    ["an object that holds itself twice, a hundred times over", () => twice(100)],
    ["a list of which almost all are holes", () => Object.assign([], { 4294967294: 1 })],
    ["a list that claims to be endless", () => new Proxy([], { get: (_, key) => (key === "length" ? 2 ** 50 : 0) })],
    ["the same text many times", () => Array.from({ length: 1000 }, () => "x".repeat(100_000))],
    ["the same long key many times", () => Array.from({ length: 1000 }, () => ({ ["k".repeat(100_000)]: 1 }))],
  ])("a value whose JSON would fill the memory is refused at once: %s", (_, value) => {
    const refused = new InvalidValueError(
      "the input has more than 8388608 bytes as JSON: store it elsewhere and send a reference.",
    );
    expect(() => toJson(value(), "the input")).toThrow(refused);
  });

  test("holes, -0, boxed values, toJSON and class instances become what JSON makes of them", () => {
    const holes = ["a", "b", "c"];
    delete holes[1];
    class Point {
      x = 1;
      #hidden = 2;
      get sum() {
        return this.x + this.#hidden;
      }
    }
    expect(toJson(holes, "x")).toEqual(["a", null, "c"]);
    expect(toJson(holes, "x")).toHaveProperty("1");
    expect(toJson(-0, "x")).toBe(0);
    expect(toJson([Object("text"), Object(5), Object(false)], "x")).toEqual(["text", 5, false]);
    expect(toJson(new Point(), "x")).toEqual({ x: 1 });
    expect(toJson({ a: { toJSON: () => undefined }, b: { toJSON: (key: string) => key } }, "x")).toEqual({ b: "b" });
    expect(toJson(runInNewContext("({ a: [1, { b: 2 }], at: new Date(0) })"), "x")).toEqual({
      a: [1, { b: 2 }],
      at: "1970-01-01T00:00:00.000Z",
    });
    expect(toJson(nested(128), "x")).toEqual(nested(128));
  });

  test("whatever code makes becomes what JSON makes of it, or is refused", () => {
    const odd = fc.constantFrom<unknown[]>(
      -0,
      Object("a"),
      new Date(0),
      new Date(Number.NaN),
      new Array(2),
      new Money(),
      /a/,
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        odd,
        fc.anything({
          withBigInt: true,
          withBoxedValues: true,
          withDate: true,
          withMap: true,
          withNullPrototype: true,
          withSet: true,
          withSparseArray: true,
          withTypedArray: true,
          withUnicodeString: true,
        }),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("__proto__", "toString", "\ud800")), tie("value"), {
          maxKeys: 3,
        }),
      ),
    }));
    fc.assert(
      fc.property(value, (made) => {
        let json: unknown;
        try {
          json = toJson(made, "x");
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          return;
        }
        const text = (JSON.stringify(made) ?? "null").replace(/(?<!\\)((?:\\\\)*)\\ud[89a-f]../g, "$1\ufffd");
        expect(json).toEqual(JSON.parse(text));
        expect(isDeepStrictEqual(json, JSON.parse(JSON.stringify(json)))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test("the same object in two places does not count as a cycle", () => {
    const shared = { n: 1 };
    expect(toJson([shared, shared], "x")).toEqual([{ n: 1 }, { n: 1 }]);
  });

  test("no JSON value has more bytes than `atMostBytes` says, and `bytesOver` is exact about its limit", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("\u0000", "\ud800", "😀", '"\\'),
    );
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.dictionary(texts, texts),
        fc.integer({ min: -40, max: 40 }),
        (json, fields, by) => {
          const value = [json, fields, -Number.MAX_VALUE, 5e-324, null];
          const bytes = Buffer.byteLength(JSON.stringify(value));
          expect(atMostBytes(value)).toBeGreaterThanOrEqual(bytes);
          expect(bytesOver(bytes + by, value)).toBe(by < 0 ? bytes : null);
        },
      ),
    );
  });

  test("the rough size is near the size of the text", () => {
    const value = { name: "a".repeat(1000), list: Array.from({ length: 100 }, (_, i) => ({ index: i, on: true })) };
    const real = JSON.stringify(value).length;
    expect(roughSize(value)).toBeGreaterThan(real * 0.7);
    expect(roughSize(value)).toBeLessThan(real * 1.4);
  });
});
