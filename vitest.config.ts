import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{shared,functions,infra,sdk,cli,test,examples}/**/*.test.ts"],
    // Tests with real processes wait for real leases, and CI machines are shared: one more try there, reported as such.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
