import { expect, test } from "vitest";
import { cutText } from "./cut-text.ts";

test("a text is cut before a pair that would not fit, and not otherwise", () => {
  expect(cutText("ab😀", 4)).toBe("ab😀");
  expect(cutText("ab😀c", 4)).toBe("ab😀");
  expect(cutText("ab😀", 3)).toBe("ab");
  expect(cutText("abc", 0)).toBe("");
});
