/** The version has one source. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { differing } from "../../packaging/version.ts";
import { VERSION } from "../../shared/protocol/version.ts";

test("manifests and lock file have the version of shared/protocol/version.ts", () => {
  expect(differing()).toEqual([]);
});

test("the changelog begins with what is unreleased, and has a section for the version", () => {
  const text = readFileSync(new URL("../../CHANGELOG.md", import.meta.url), "utf8");
  const sections = [...text.matchAll(/^## \[?([^\]\s]+)/gm)].map(([, name]) => name);
  expect(sections[0]).toBe("Unreleased");
  expect(sections).toContain(VERSION);
});
