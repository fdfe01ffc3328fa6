import { expect, test, vi } from "vitest";
import { lazy, loadsUnderWay } from "./lazy.ts";

test("code is loaded once, however often it is asked for, and counted while it is loaded", async () => {
  const load = vi.fn(async () => "code");
  const code = lazy(load);
  const asked = [code(), code()];
  expect(loadsUnderWay()).toBe(1);
  expect(await Promise.all(asked)).toEqual(["code", "code"]);
  expect([await code(), loadsUnderWay(), load.mock.calls.length]).toEqual(["code", 0, 1]);
});

test("a load that failed is repeated", async () => {
  const load = vi.fn(async () => "code").mockRejectedValueOnce(new Error("EMFILE"));
  const code = lazy(load);
  await expect(code()).rejects.toThrow("EMFILE");
  expect(await code()).toBe("code");
});
