import { expect, test } from "vitest";
import { wordsOf } from "./announcer.tsx";

test("one failure is told by its id, several by their number and the first ids", () => {
  expect(wordsOf(["a"])).toBe("Execution a has failed.");
  expect(wordsOf(["a", "b"])).toBe("2 executions have failed: a, b.");
  expect(wordsOf(["a", "b", "c", "d", "e"])).toBe("5 executions have failed: a, b, c, and 2 more.");
});
