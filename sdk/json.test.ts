import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { copyJson, roughSize, toJson } from "./json.ts";

class Money {
  readonly cents = 5;
  toJSON() {
    return { cents: this.cents };
  }
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
  ])("a value that would silently change is refused, and the error names its place (%#)", (value, message) => {
    expect(() => toJson(value, "x")).toThrow(message);
  });

  test("the same object in two places does not count as a cycle", () => {
    const shared = { n: 1 };
    expect(toJson([shared, shared], "x")).toEqual([{ n: 1 }, { n: 1 }]);
  });

  test("the rough size is near the size of the text", () => {
    const value = { name: "a".repeat(1000), list: Array.from({ length: 100 }, (_, i) => ({ index: i, on: true })) };
    const real = JSON.stringify(value).length;
    expect(roughSize(value)).toBeGreaterThan(real * 0.7);
    expect(roughSize(value)).toBeLessThan(real * 1.4);
  });
});
