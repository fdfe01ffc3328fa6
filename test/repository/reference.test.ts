/** The pages that are made from the code say what the code says. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { llms, reference } from "../../packaging/reference.ts";
import { ROUTES } from "../../shared/protocol/routes.ts";
import { ROOT, read } from "./files.ts";

test("docs/reference.md is what `npm run reference` makes of the OpenAPI document", () => {
  expect(read("docs/reference.md"), "run `npm run reference`").toBe(reference());
});

test("the reference has each operation once, with its method and path", () => {
  const text = reference();
  const headings = [...text.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  expect(headings.toSorted()).toEqual(ROUTES.map(({ operation }) => operation).toSorted());
  for (const { method, path } of ROUTES) expect(text).toContain(`\`${method} ${path}\``);
});

test("llms.txt is what `npm run reference` makes of the README, and its links lead somewhere", () => {
  const text = read("llms.txt");
  expect(text, "run `npm run reference`").toBe(llms());
  const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path!);
  expect(links.length).toBeGreaterThan(20);
  expect(links.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});
