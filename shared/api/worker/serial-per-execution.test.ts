import { expect, test } from "vitest";
import { serialPerExecution } from "./serial-per-execution.ts";

test("different executions are processed concurrently, items of one execution in order, and answers keep the items' order", async () => {
  const items = ["a1", "b1", "a2", "c1"].map((id) => ({ execution: id[0]!, id }));
  const begun: string[] = [];
  const finish = new Map<string, () => void>();
  const all = serialPerExecution(items, async ({ id }) => {
    begun.push(id);
    await new Promise<void>((ok) => finish.set(id, ok));
    return id.toUpperCase();
  });
  expect(begun).toEqual(["a1", "b1", "c1"]);
  finish.get("c1")!();
  finish.get("a1")!();
  await expect.poll(() => begun).toContain("a2");
  finish.get("a2")!();
  finish.get("b1")!();
  expect(await all).toEqual(["A1", "B1", "A2", "C1"]);
});

test("an item that fails fails the call", async () => {
  const items = [{ execution: "a" }, { execution: "b" }];
  const work = async ({ execution }: { execution: string }) => {
    if (execution === "b") throw new Error("throttled");
  };
  await expect(serialPerExecution(items, work)).rejects.toThrow("throttled");
});
