import { expect, test } from "vitest";
import { treeOf } from "./family.ts";

const run = (execution_id: string, parent_execution_id: string | null, second: number, run_id = "r") => ({
  execution_id,
  parent_execution_id,
  run_id,
  start_time: `2026-01-01T00:00:${String(second).padStart(2, "0")}Z`,
});

test("children stand below their parent in the order of their starts, each once with its newest run", () => {
  const runs = [
    run("grandchild", "second", 9),
    run("second", "root", 5),
    run("first", "root", 8, "its second run"),
    run("first", "root", 3, "its first run"),
    run("root", null, 1),
  ];
  expect(treeOf(runs).map(({ one, depth }) => [one.execution_id, one.run_id, depth])).toEqual([
    ["root", "r", 0],
    ["second", "r", 1],
    ["grandchild", "r", 2],
    ["first", "its second run", 1],
  ]);
});

test("an execution whose parent is not on the page begins a tree of its own", () => {
  expect(treeOf([run("orphan", "gone", 2), run("its-child", "orphan", 3)]).map(({ depth }) => depth)).toEqual([0, 1]);
});
