import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readPageToken, writePageToken } from "./page-token.ts";

test("a token reads back to the place it was made of", () => {
  fc.assert(
    fc.property(fc.integer(), fc.string(), (value, id) => {
      expect(readPageToken(writePageToken([value, id]))).toEqual([value, id]);
    }),
  );
});

test("a text that no store made is no token", () => {
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  for (const token of ["", "not a token", encoded(null), encoded([1]), encoded(["1", "run"]), encoded({ 0: 1 })]) {
    expect(readPageToken(token), token).toBeNull();
  }
});
