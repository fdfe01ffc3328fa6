import { expect, test } from "vitest";
import type { DetailItem } from "../protocol/detail.ts";
import type { AsideCheck } from "../routing/schema-check.ts";
import { Aside } from "./aside.ts";

test("a call that cannot reach the thread fails, and the next one is answered", async () => {
  const aside = new Aside<AsideCheck | symbol, DetailItem[]>(new URL("../routing/schema-thread.ts", import.meta.url));
  await expect(aside.run(Symbol("cannot be copied"), 30_000)).rejects.toThrow(/could not be cloned/);
  expect(await aside.run({ schema: "{}", input: "1" }, 30_000)).toEqual({ value: [] });
});
