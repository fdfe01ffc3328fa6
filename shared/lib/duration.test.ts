import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Duration, milliseconds, positiveMilliseconds } from "./duration.ts";

describe("durations", () => {
  test.each<[number | string, number]>([
    [0, 0],
    [1500, 1500],
    [1.6, 2],
    ["250ms", 250],
    ["90s", 90_000],
    ["1h30m", 5_400_000],
    ["1h 30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["2 days", 172_800_000],
    ["1w2d", 777_600_000],
    ["PT2H", 7_200_000],
    ["PT1H30M", 5_400_000],
    ["P1DT0.5S", 86_400_500],
    ["P2W", 1_209_600_000],
  ])("%j is %d ms", (text, ms) => {
    expect(milliseconds(text as Duration, "x")).toBe(ms);
  });

  test.each([
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "",
    " ",
    "5",
    "h",
    "1x",
    "-1h",
    "30m1h",
    "1h1h",
    "1h,2m",
    "PT",
    "P",
    "P1M",
    "P1Y",
    "1h30",
    "101y",
    "2000000h",
    null,
    {},
    undefined,
  ])("%j is refused by name", (value) => {
    expect(() => milliseconds(value as never, "timeout of x")).toThrow(
      /^timeout of x: .*is not a duration.*Write milliseconds as a number, or text with the units ms, s, m/,
    );
  });

  test.each<[unknown, string]>([
    ["90 years", 'x: "90 years" is not a duration. Write'],
    [Number.POSITIVE_INFINITY, "x: Infinity is not a duration between 0 and 100 years. Write"],
    [Number.NaN, "x: NaN is not a duration. Write"],
    [new Date(0), "x: an object is not a duration. Write"],
    ["6 months", "Months and years have no fixed length."],
  ])("the message says what was given and which units there are (%#)", (value, message) => {
    expect(() => milliseconds(value as never, "x")).toThrow(message);
  });

  test("a required duration of 0 is refused", () => {
    expect(() => positiveMilliseconds("0s", "timeout")).toThrow("must be longer than 0");
    expect(positiveMilliseconds(1, "timeout")).toBe(1);
  });

  test("a duration of several parts is their sum", () => {
    const part = fc.nat({ max: 500 });
    fc.assert(
      fc.property(part, part, part, (h, m, s) => {
        const sum = h * 3_600_000 + m * 60_000 + s * 1000;
        expect(milliseconds(`${h}h${m}m${s}s`, "x")).toBe(sum);
        expect(milliseconds(`PT${h}H${m}M${s}S`, "x")).toBe(sum);
      }),
    );
  });
});
