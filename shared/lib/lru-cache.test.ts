import { expect, test } from "vitest";
import { LruCache } from "./lru-cache.ts";

test("a cache keeps what is used and never holds more than its most", () => {
  const cache = new LruCache<number>(10);
  cache.set("used", -1);
  for (let i = 0; i < 1000; i++) {
    cache.set(`other ${i}`, i);
    expect(cache.get("used")).toBe(-1);
  }
  expect(cache.get("other 999")).toBe(999);
  const held = Array.from({ length: 1000 }, (_, i) => `other ${i}`).filter((key) => cache.get(key) !== undefined);
  expect(held.length).toBeLessThan(10);
});

test("a deleted entry is gone, whichever half it was in, and a set entry is the latest", () => {
  const cache = new LruCache<number>(4);
  cache.set("a", 1);
  cache.set("b", 2);
  cache.set("c", 3); // "a" and "b" are the older half now
  cache.set("a", 4);
  expect(cache.get("a")).toBe(4);
  cache.delete("a");
  cache.delete("b");
  expect([cache.get("a"), cache.get("b"), cache.get("c")]).toEqual([undefined, undefined, 3]);
});
