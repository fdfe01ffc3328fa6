/** Comments cite interleavings by title: each cited title must be one. */
import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (file: string) => readFileSync(file, "utf8");
const plain = (text: string) => text.replace(/\n\s*(?:\*|\/\/) ?/g, " ");

test("each interleaving that a comment cites exists", () => {
  const titles = new Set(
    [...read("test/interleavings/interleavings.test.ts").matchAll(/^describe\("(.+)", /gm)].map((match) => match[1]!),
  );
  const files = globSync(["shared/**/*.ts", "sdk/**/*.ts", "test/simulation/*.ts", "ARCHITECTURE.md"]);
  const cited = files.flatMap((file) =>
    [...plain(read(file)).matchAll(/\(interleavings? ("[^)]+")/g)].flatMap((match) =>
      [...match[1]!.matchAll(/"([^"]+)"/g)].map((title) => ({ file, title: title[1]! })),
    ),
  );
  expect(cited.filter(({ title }) => !titles.has(title))).toEqual([]);
  expect(cited.length).toBeGreaterThan(8);
});
