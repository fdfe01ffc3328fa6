/** What the console promises, point by point: each has a test in Chromium whose title begins with its number. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const POINTS: Readonly<Record<number, string>> = {
  1: "the address that dev prints needs no typed key and keeps none",
  2: "every path, prefix and static host; reload and new tab",
  3: "a wrong and a revoked key",
  4: "a key that may only read",
  5: "headers, policy, no request elsewhere, no cookie",
  6: "size of the first load",
  7: "an execution appears and ends without a reload",
  8: "a server that restarts",
  9: "eight tabs over one stream",
  10: "hidden, paused and idle",
  11: "50,000 events",
  12: "500 parallel activities",
  13: "why an execution waits, and the button that acts",
  14: "attempts, countdown, last failure",
  15: "idle time, and the address of an event",
  16: "a wrong clock of the browser",
  17: "parents, children, runs and schedules link each other",
  18: "every action, once, with the server's refusal",
  19: "a downloaded history: replayed, and shown offline",
  20: "numbers digit for digit",
  21: "large values",
  22: "hostile values",
  23: "encrypted values",
  24: "forms and JSON say the same",
  25: "schemas without a form, and leaving with changes",
  26: "the shown call, and a choice of deployments",
  27: "questions to people",
  28: "filters in the address",
  29: "10,000 executions in pages while others start",
  30: "actions on many executions",
  31: "ids of every form",
  32: "the preview of a schedule's times",
  33: "a schedule from its creation to its deletion",
  34: "the calendar and changes of the clocks",
  35: "time zones of the browser",
  36: "axe on every page",
  37: "by keyboard alone",
  38: "phones",
  39: "without colours",
  40: "without motion",
  41: "themes",
  42: "failed calls",
  43: "operations that answer 501",
  44: "a version deployed meanwhile",
  45: "a panel that throws",
};

describe("the points of the console", () => {
  const sources = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith(".test.ts") && name !== "points.test.ts")
    .map((name) => readFileSync(`${import.meta.dirname}/${name}`, "utf8"));
  const titled = new Set<number>();
  for (const [, numbers = ""] of sources.join("\n").matchAll(/(?:^\s*|\()"(\d+(?:, \d+)*): /gm))
    for (const number of numbers.split(", ")) titled.add(Number(number));

  test("each have a test with their number, and each number is one of a point", () => {
    const all = Object.keys(POINTS).map(Number);
    expect(all).toEqual(Array.from({ length: 45 }, (_, i) => i + 1));
    expect(all.filter((point) => !titled.has(point))).toEqual([]);
    expect([...titled].filter((number) => !(number in POINTS))).toEqual([]);
  });
});
