/** The rules are pure: a test of their sources. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const folder = new URL("../../../shared/schedule/rules/", import.meta.url);
const sources = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));

test.each(
  sources,
)("%s uses no clock, random source, timer or global, and imports only the rules and the protocol", (name) => {
  const code = readFileSync(new URL(name, folder), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
  const forbidden =
    /\b(Date|Math\.random|process|fetch|setTimeout|setInterval|setImmediate|performance|crypto|console)\b/;
  expect(forbidden.exec(code)?.[0]).toBeUndefined();
  for (const [, from] of code.matchAll(/from "([^"]+)"/g)) expect(from).toMatch(/^\.\/|^\.\.\/\.\.\/protocol\/|^zod$/);
});
