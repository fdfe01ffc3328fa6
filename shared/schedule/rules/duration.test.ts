import { expect, test } from "vitest";
import { parseGoDuration, parseIsoDuration } from "./duration.ts";

test.each([
  ["PT30M", 1_800_000],
  ["PT2H30M", 9_000_000],
  ["P1D", 86_400_000],
  ["P1DT12H", 129_600_000],
  ["P2W", 1_209_600_000],
  ["PT0S", 0],
  ["PT1.5S", 1500],
  ["PT0,25H", 900_000],
  ["PT90S", 90_000],
  ["PT0.1S", 100],
  ["-PT5M", -300_000],
  ["+PT5M", 300_000],
])("%s is %i ms", (text, value) => {
  expect(parseIsoDuration(text)).toEqual({ value });
});

test.each([
  ["", "ISO 8601"],
  ["P", "ISO 8601"],
  ["PT", "ISO 8601"],
  ["P1DT", "ISO 8601"],
  ["30M", "ISO 8601"],
  ["pt5m", "ISO 8601"],
  ["5m", "ISO 8601"],
  ["PT5M ", "ISO 8601"],
  ["PT1M1H", "ISO 8601"],
  ["P1M", "no fixed length"],
  ["P1Y", "no fixed length"],
  ["P1Y2M3DT4H", "no fixed length"],
  ["PT1.5H30M", "last part"],
  ["P99999999999999999W", "too long"],
])("%s is refused and says why", (text, why) => {
  expect(parseIsoDuration(text)).toMatchObject({ problem: expect.stringContaining(why) });
});

test.each([
  ["1h30m", 5_400_000],
  ["90s", 90_000],
  ["1.5h", 5_400_000],
  ["1d", 86_400_000],
  ["100ms", 100],
  [".5m", 30_000],
])("%s in Go's form is %i ms", (text, value) => {
  expect(parseGoDuration(text)).toEqual({ value });
});

test.each(["", "5", "1h 30m", "h", "1x", "1h!"])("%j is not a duration in Go's form", (text) => {
  expect(parseGoDuration(text)).toHaveProperty("problem");
});
