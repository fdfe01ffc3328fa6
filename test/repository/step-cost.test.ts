/** The table of costs holds its own arithmetic. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { dollarsPerMillionSteps } from "../../bench/step-cost.ts";

const costs = readFileSync(new URL("../../docs/costs.md", import.meta.url), "utf8");

test.each([
  [1, "1 step a run"],
  [10, "10 steps a run"],
  [100, "100 steps a run"],
])("runs of %i steps cost what docs/costs.md says", (steps, row) => {
  const [, dollars = ""] = new RegExp(`\\| ${row} \\| ([\\d.]+) \\|`).exec(costs) ?? [];
  expect(dollars).toBe(dollarsPerMillionSteps(steps).toFixed(2));
});
