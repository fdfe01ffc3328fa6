import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";
import { SUITES } from "./test/support/suites.ts";

export default defineConfig({
  test: {
    // Tests with real processes wait for real leases, and CI machines are shared: one more try there, reported as such.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ["default", "./test/support/skip-reporter.ts"],
    // Most files wait for processes, leases and timers. By default one core is left idle: on two cores a file ran alone.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    sequence: { sequencer: LongestFirst },
    projects: Object.entries(SUITES).map(([name, { include, exclude, limits, alone, isShared, globalSetup }]) => ({
      extends: true as const,
      test: {
        name,
        include: [...include],
        exclude: ["**/node_modules/**", ...exclude],
        ...limits,
        ...(isShared && { isolate: false }),
        ...(globalSetup && { globalSetup: [...globalSetup] }),
        ...(alone && { maxWorkers: alone, sequence: { groupOrder: 1 } }),
      },
    })),
  },
});
