import { execFileSync } from "node:child_process";
import { expect, test, vi } from "vitest";
import { backgroundClock, realClock } from "./clock.ts";

test("a time further ahead than the longest timeout does not fire early", () => {
  vi.useFakeTimers();
  try {
    const fn = vi.fn();
    const month = 30 * 86_400_000; // setTimeout takes 24.8 days at most
    realClock.at(Date.now() + month, fn);
    vi.advanceTimersByTime(month - 1);
    expect(fn).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fn).toHaveBeenCalledTimes(1);
    const cancelled = vi.fn();
    backgroundClock.at(Date.now() + month, cancelled)();
    vi.advanceTimersByTime(month);
    expect(cancelled).not.toHaveBeenCalled();
  } finally {
    vi.useRealTimers();
  }
});

test("a pending timer of the background clock does not keep the process running", () => {
  const clock = new URL("./clock.ts", import.meta.url).href;
  const script = `const { backgroundClock } = await import(${JSON.stringify(clock)});
    backgroundClock.at(Date.now() + 3_600_000, () => {});
    console.log("end of script");`;
  const args = ["--input-type=module", "--eval", script];
  expect(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 20_000 })).toBe("end of script\n");
});
