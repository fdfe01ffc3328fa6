import { expect, it } from "vitest";
import { nearest } from "./nearest.ts";
import { cut, moment, span, table } from "./print.ts";

it.each([
  [0, "0 ms"],
  [999, "999 ms"],
  [1_500, "1.50 s"],
  [59_900, "59.9 s"],
  [60_000, "1 min"],
  [245_000, "4 min 5 s"],
  [3_600_000, "1 h"],
  [187_200_000, "2 d 4 h"],
  [14 * 86_400_000 - 7, "14 d"],
  [86_399_000, "1 d"],
  [3_599_900, "1 h"],
  [59_999, "1 min"],
  [999.7, "1.00 s"],
  [9_999, "10.0 s"],
  [244_600, "4 min 5 s"],
])("%i ms is %s", (ms, text) => {
  expect(span(ms)).toBe(text);
});

it("columns are as wide as their cells, and only the last one is cut to the terminal", () => {
  const lines: string[] = [];
  const io = { out: (line: string) => void lines.push(line), columns: 20, color: false };
  table(
    io as never,
    ["id", "text"],
    [
      ["a", "short"],
      ["a-longer-id", "quite a long text"],
    ],
  );
  expect(lines).toEqual(["ID           TEXT", "a            short", "a-longer-id  quite …"]);
});

it("a text of several lines is printed as one", () => {
  expect(cut("a\n  b", null)).toBe("a b");
  expect(cut("abcdef", 4)).toBe("abc…");
});

it("the date of a moment is shown unless it is today's", () => {
  const noon = new Date(2026, 0, 2, 12, 0, 0, 7).getTime();
  expect(moment(noon, noon)).toBe("12:00:00");
  expect(moment(noon, noon, true)).toBe("12:00:00.007");
  expect(moment(noon, noon + 86_400_000)).toBe("2026-01-02 12:00:00");
});

it("the nearest word is a known word within a few edits", () => {
  const words = ["list", "history", "terminate", "tail"];
  expect(nearest("lsit", words)).toBe("list");
  expect(nearest("term", words)).toBe("terminate");
  expect(nearest("histroy", words)).toBe("history");
  expect(nearest("deploy", words)).toBeUndefined();
});
