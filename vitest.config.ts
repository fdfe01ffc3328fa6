import { defineConfig } from "vitest/config";
import { SUITES } from "./test/support/suites.ts";

export default defineConfig({
  test: {
    // Tests with real processes wait for real leases, and CI machines are shared: one more try there, reported as such.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ["default", "./test/support/skip-reporter.ts"],
    projects: Object.entries(SUITES).map(([name, { include, exclude, limits }]) => ({
      extends: true as const,
      test: { name, include: [...include], exclude: ["**/node_modules/**", ...exclude], ...limits },
    })),
  },
});
