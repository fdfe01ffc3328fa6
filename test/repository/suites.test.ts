/** `npm test` is the sum of the suites: no test file is in none of them, or in two. */
import { matchesGlob } from "node:path";
import { expect, test } from "vitest";
import { SUITES } from "../support/suites.ts";
import { listed, read } from "./files.ts";

const names = Object.keys(SUITES) as (keyof typeof SUITES)[];
const within = (file: string, globs: readonly string[]) => globs.some((glob) => matchesGlob(file, glob));

test("every test file belongs to exactly one suite", () => {
  const files = listed("*.test.ts");
  expect(files.length).toBeGreaterThan(100);
  const homes = files.map((file) => ({
    file,
    suites: names.filter((name) => within(file, SUITES[name].include) && !within(file, SUITES[name].exclude)),
  }));
  expect(homes.filter(({ suites }) => suites.length !== 1)).toEqual([]);
});

test("every suite has an npm script, and in CONTRIBUTING.md a line with its duration", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const contributing = read("CONTRIBUTING.md");
  for (const name of names) {
    expect(scripts[`test:${name}`]).toBe(`vitest run --project ${name}`);
    expect(contributing).toMatch(new RegExp(`^\\| \`npm run test:${name}\` \\|.*\\| \\d+ (?:s|min) \\|$`, "m"));
  }
});
