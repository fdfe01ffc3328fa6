import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{shared,functions,infra,sdk,cli,test,examples}/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
