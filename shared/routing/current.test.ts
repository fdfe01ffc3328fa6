import { expect, test } from "vitest";
import { isRamped } from "./current.ts";

const IDS = Array.from({ length: 10_000 }, (_, n) => `order-${n}`);

test("a ramp takes its part of the executions, whatever their ids are", () => {
  for (const percent of [1, 10, 50, 90]) {
    const taken = IDS.filter((id) => isRamped("orders", id, percent)).length / 100;
    expect(Math.abs(taken - percent), `${taken}% for ${percent}%`).toBeLessThan(1.5);
  }
  expect(IDS.filter((id) => isRamped("orders", id, 100))).toEqual(IDS);
});

test("a higher percentage takes further executions along and sends none back", () => {
  const at = (percent: number) => new Set(IDS.filter((id) => isRamped("orders", id, percent)));
  for (const [less, more] of [
    [1, 5],
    [5, 25],
    [25, 99],
  ] as const) {
    expect([...at(less)].filter((id) => !at(more).has(id))).toEqual([]);
  }
});

test("each workflow has executions of its own in a ramp", () => {
  const both = IDS.filter((id) => isRamped("orders", id, 10) && isRamped("refunds", id, 10));
  expect(both.length).toBeLessThan(200);
});
