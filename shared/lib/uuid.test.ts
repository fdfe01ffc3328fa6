import { expect, test } from "vitest";
import * as z from "zod";
import { uuid7 } from "./uuid.ts";

test("a UUID has its time, the bits of version 7, and 74 random bits", () => {
  const now = Date.UTC(2026, 0, 2);
  const made = Array.from({ length: 2_000 }, () => uuid7(now));
  for (const uuid of made) expect(z.uuidv7().safeParse(uuid).success).toBe(true);
  expect(new Set(made).size).toBe(made.length);
  expect(new Set(made.map((uuid) => uuid.slice(0, 15)))).toEqual(
    new Set([`0${now.toString(16).slice(0, 7)}-${now.toString(16).slice(7)}-7`]),
  );
  for (const at of [15, 16, 17, 20, 21, 22, ...Array.from({ length: 12 }, (_, i) => 24 + i)])
    expect(new Set(made.map((uuid) => uuid[at])).size).toBe(16);
  expect(new Set(made.map((uuid) => uuid[19]))).toEqual(new Set("89ab"));
});

test("UUIDs sort by their times", () => {
  const times = [0, 1, 255, 65_536, 1_700_000_000_000, 1_700_000_000_001, 2 ** 48 - 1];
  const made = times.map((time) => uuid7(time));
  expect(made.toSorted()).toEqual(made);
});
