import { expect, test } from "vitest";
import { VirtualClock } from "../testing/clock.ts";
import { LoadMeter, ownUsage } from "./load.ts";

test("CPU is cores between two readings, and a process that began again counts as idle once", () => {
  const clock = new VirtualClock(0);
  let usage = { cpuSeconds: 4, memoryBytes: 100 };
  const meter = new LoadMeter(clock, () => usage);
  const after = (seconds: number, cpuSeconds: number, memoryBytes = 100) => {
    clock.moveTo(clock.now() + seconds * 1_000);
    usage = { cpuSeconds, memoryBytes };
    return meter.read();
  };
  expect(after(10, 9, 2_000.4)).toEqual({ cpu: 0.5, memory_bytes: 2_000 });
  expect(after(10, 24)).toEqual({ cpu: 1.5, memory_bytes: 100 });
  expect(after(10, 1).cpu).toBe(0);
  expect(after(10, 2).cpu).toBe(0.1);
  expect(after(0, 3).cpu).toBe(0); // no time has passed
});

test("this process has memory, and its CPU time grows", () => {
  const { cpuSeconds, memoryBytes } = ownUsage();
  expect(memoryBytes).toBeGreaterThan(10 * 2 ** 20);
  const until = cpuSeconds + 0.01;
  while (ownUsage().cpuSeconds < until);
  expect(ownUsage().cpuSeconds).toBeGreaterThan(cpuSeconds);
});
