import { expect, test, vi } from "vitest";
import { onAbort } from "./on-abort.ts";

test("the function is called once when the signal aborts", () => {
  const controller = new AbortController();
  const fn = vi.fn();
  onAbort(controller.signal, fn);
  expect(fn).not.toHaveBeenCalled();
  controller.abort();
  controller.signal.dispatchEvent(new Event("abort"));
  expect(fn).toHaveBeenCalledTimes(1);
});

test("the function is called at once for a signal that has aborted already", () => {
  const fn = vi.fn();
  onAbort(AbortSignal.abort(), fn);
  expect(fn).toHaveBeenCalledTimes(1);
});

test("the function is not called after its listener was removed, or without a signal", () => {
  const controller = new AbortController();
  const fn = vi.fn();
  onAbort(controller.signal, fn)();
  onAbort(undefined, fn)();
  controller.abort();
  expect(fn).not.toHaveBeenCalled();
});
