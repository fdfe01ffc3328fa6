/** Timers of workflow code are durable: each fires once, at a recorded time, also after restarts of the worker. */

import { commandFrame, runIn, sandboxed } from "../runtime/frame.ts";
import { sleep } from "../runtime/sleep.ts";
import { DurableTimeout } from "../runtime/waits.ts";
import { SandboxError } from "./refused.ts";
import { type AnyFunction, replace } from "./replace.ts";

const LOOP = "write a loop around `await sleep(…)`.";
const MICROTASK = "`await` something, or call queueMicrotask().";

/** A delay in milliseconds, as Node reads it. */
const delayOf = (ms: unknown): number => Math.max(0, Math.round(Number(ms) || 0));

const durableTimeout = (real: AnyFunction): AnyFunction =>
  function setTimeout(callback: (...args: unknown[]) => void, ms?: unknown, ...args: unknown[]) {
    if (!sandboxed()) return real.call(this, callback, ms, ...args);
    const frame = commandFrame("setTimeout()");
    return new DurableTimeout(frame.ops, delayOf(ms), () => runIn(frame, () => callback(...args)));
  };

const durableClear = (real: AnyFunction): AnyFunction =>
  function clearTimeout(timeout: unknown) {
    const frame = sandboxed();
    if (timeout instanceof DurableTimeout) timeout.clear();
    else if (frame && (typeof timeout === "number" || typeof timeout === "string"))
      frame.ops.cancelTimer(Number(timeout));
    else real.call(this, timeout);
  };

const durableSleep = (real: AnyFunction): AnyFunction =>
  function setTimeout(ms?: unknown, value?: unknown, options?: { signal?: AbortSignal }) {
    if (!sandboxed()) return real.call(this, ms, value, options);
    return sleep(delayOf(ms), options).then(() => value);
  };

const refuse =
  (what: string, advice: string) =>
  (real: AnyFunction): AnyFunction =>
    function refused(...args: unknown[]) {
      const frame = sandboxed();
      if (frame) throw new SandboxError(what, frame.ops.name, advice);
      return real.apply(this, args);
    };

export function replaceTimers(): void {
  const timers = process.getBuiltinModule("node:timers");
  const promises = process.getBuiltinModule("node:timers/promises");
  for (const target of [globalThis, timers]) {
    replace(target, "setTimeout", durableTimeout);
    replace(target, "clearTimeout", durableClear);
    replace(target, "clearInterval", durableClear);
    replace(target, "setInterval", refuse("setInterval()", LOOP));
    replace(target, "setImmediate", refuse("setImmediate()", MICROTASK));
  }
  replace(promises, "setTimeout", durableSleep);
  replace(promises, "setInterval", refuse("setInterval()", LOOP));
  replace(promises, "setImmediate", refuse("setImmediate()", MICROTASK));
  const scheduler = Object.getPrototypeOf(promises.scheduler);
  replace(
    scheduler,
    "wait",
    (real) =>
      function wait(ms: number, options?: { signal?: AbortSignal }) {
        return sandboxed() ? sleep(delayOf(ms), options) : real.call(this, ms, options);
      },
  );
  replace(scheduler, "yield", refuse("scheduler.yield()", MICROTASK));
  // `util.promisify(setTimeout)` calls `timers/promises`, so it is durable too.
  replace(
    AbortSignal,
    "timeout",
    (real) =>
      function timeout(ms: number) {
        if (!sandboxed()) return real.call(this, ms);
        const { ops } = commandFrame("AbortSignal.timeout()");
        const controller = new AbortController();
        new DurableTimeout(ops, delayOf(ms), () =>
          controller.abort(new DOMException("the time is up", "TimeoutError")),
        );
        return controller.signal;
      },
  );
}
