import { expect, test } from "vitest";
import { paint } from "./print.ts";
import { printable } from "./printable.ts";

const hostile = "a\u001b[2Jb\u001b]0;title\u0007c\r\u009b2Jd\u0000e\u202ef\ud800g";
const shown = "a\\u001b[2Jb\\u001b]0;title\\u0007c\\u000d\\u009b2Jd\\u0000e\\u202ef\\ud800g";

test("control characters, marks of direction and halves of pairs are printed as their escapes", () => {
  expect(printable(hostile, false)).toBe(shown);
  expect(printable(hostile, true)).toBe(shown);
  expect(printable("\u001b[31mred\u001b[39m", false)).toBe("\\u001b[31mred\\u001b[39m");
});

test("lines, tabs, emoji and the command's own colours pass", () => {
  const text = "one\n\ttwo 😀 👩‍👩‍👧 שלום";
  expect(printable(text, false)).toBe(text);
  for (const tone of ["good", "bad", "warn", "busy", "dim", "bold"] as const) {
    const painted = paint({ color: true }, tone, text);
    expect(painted).not.toBe(text);
    expect(printable(painted, true)).toBe(painted);
  }
});

test("JSON stays JSON of the same value", () => {
  const value = { text: "a\u009b\u202e\u007f\u001b" };
  expect(JSON.parse(printable(JSON.stringify(value), false))).toEqual(value);
});
