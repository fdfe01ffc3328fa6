import { expect, test } from "vitest";
import { searchKeyProblem, searchKeysOf } from "./search-keys.ts";

test("values are read at dot paths and stored as texts", () => {
  const input = { customer: { id: 7, tags: ["a"] }, paid: false, list: [{ x: 1 }] };
  expect(searchKeysOf(["customer.id", "customer.tags", "paid", "list.0.x"], input)).toEqual({
    "customer.id": "7",
    "customer.tags": '["a"]',
    paid: "false",
    "list.0.x": "1",
  });
});

test("absent, null, inherited and encoded values are left out", () => {
  expect(searchKeysOf(["a.b", "n", "toString", "a.constructor"], { a: {}, n: null })).toEqual({});
  expect(searchKeysOf(["b64payload"], { b64payload: "AA==", encoding_options: [] })).toEqual({});
  expect(searchKeysOf(["a"], null)).toEqual({});
});

test("long values are cut, long keys and more than twenty are left out", () => {
  expect(searchKeysOf(["v"], { v: "x".repeat(9000) }).v).toHaveLength(8192);
  expect(searchKeysOf(["v"], { v: `${"x".repeat(8191)}😀` }).v).toBe("x".repeat(8191));
  const long = "k".repeat(257);
  expect(searchKeysOf([long], { [long]: 1 })).toEqual({});
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`, i]));
  expect(Object.keys(searchKeysOf(Object.keys(many), many))).toHaveLength(20);
});

test("a key that a filter could not name is refused", () => {
  expect(searchKeyProblem("order:id")).toContain('":"');
  expect(searchKeyProblem("order^=id")).toContain('"^="');
  for (const name of ["", "x".repeat(257)]) expect(searchKeyProblem(name)).toContain("1 to 256");
  for (const name of ["a\nb", "\x1b[2J", "\ud83d"]) expect(searchKeyProblem(name)).toContain("control characters");
  for (const name of ["order.id^", "Kundennummer ü😀", "x".repeat(256)]) expect(searchKeyProblem(name)).toBeNull();
});
