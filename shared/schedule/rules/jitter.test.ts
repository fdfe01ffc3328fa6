import { expect, test } from "vitest";
import { delayOf } from "./jitter.ts";

const HOUR = 3_600_000;

test("the delay of a schedule and time never changes from version to version", () => {
  expect([0, 1, 2].map((n) => delayOf("default-report", n * HOUR, 300_000))).toEqual([164_215, 239_997, 166_913]);
});

test("delays fill the whole span evenly, over times and over schedules with similar names", () => {
  for (const of of [
    (n: number) => delayOf("ws-report", n * HOUR, 1000),
    (n: number) => delayOf(`ws-tenant-${n}`, HOUR, 1000),
  ]) {
    const tenths = new Array(10).fill(0);
    for (let n = 0; n < 10_000; n++) tenths[Math.floor(of(n) / 100)]++;
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
  }
});

test("a delay is less than its span, and 0 if the span is empty", () => {
  for (let n = 0; n < 1000; n++) expect(delayOf("s", n * 1000, 1)).toBe(0);
  expect(delayOf("s", 5000, 0)).toBe(0);
  expect(delayOf("s", 5000, -7)).toBe(0);
});
