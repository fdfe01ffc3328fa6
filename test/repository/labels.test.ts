/** Rules have labels, such as EXEC-3. A label leads a reader to one place. */
import { expect, test } from "vitest";
import { read, written } from "./files.ts";

/** Three capitals at least: `A-1` is an order in an example. */
const LABEL = /\b[A-Z]{3,}-[1-9]\d?\b/g;
const NO_RULES = new Set(["UTF-8", "UTF-16"]);

/** A definition in code is `EXEC-3. Text` in the comment at the head of the file, on a line of its own or after a sentence. */
const HEAD = /^(?:(?:#!.*\n)?\/\*\*[\s\S]*?\*\/|"""[\s\S]*?""")/;
const IN_HEAD = /(?:^[ /*]*|[.:)`] )([A-Z]{3,}-[1-9]\d?)\. (?=\S)/gm;
/** Rules of no single file stand in ARCHITECTURE.md, each in a row of a table or an item of a list. */
const IN_ARCHITECTURE = /^[|*] ([A-Z]{3,}-[1-9]\d?)\. (?=\S)/gm;

function definedIn(file: string, text: string): string[] {
  const found =
    file === "ARCHITECTURE.md" ? text.matchAll(IN_ARCHITECTURE) : (HEAD.exec(text)?.[0] ?? "").matchAll(IN_HEAD);
  return [...found].map(([, label]) => label!);
}

const texts = written().map((file) => ({ file, text: read(file) }));
const definitions = new Map<string, string[]>();
for (const { file, text } of texts) {
  for (const label of definedIn(file, text)) definitions.set(label, [...(definitions.get(label) ?? []), file]);
}

test("every label is defined once", () => {
  expect(definitions.size).toBeGreaterThan(90);
  expect([...definitions].filter(([, files]) => files.length > 1)).toEqual([]);
});

test("every label that is cited is defined", () => {
  const unknown = texts.flatMap(({ file, text }) =>
    [...text.matchAll(LABEL)]
      .map(([label]) => label)
      .filter((label) => !NO_RULES.has(label) && !definitions.has(label))
      .map((label) => `${file}: ${label}`),
  );
  expect(unknown).toEqual([]);
});

test("the labels of a file are numbered 1, 2, 3 without a gap", () => {
  const numbers = new Map<string, number[]>();
  for (const label of definitions.keys()) {
    const [name, number] = label.split("-") as [string, string];
    numbers.set(name, [...(numbers.get(name) ?? []), Number(number)]);
  }
  const gaps = [...numbers].filter(([, found]) => found.toSorted((a, b) => a - b).some((n, i) => n !== i + 1));
  expect(gaps).toEqual([]);
});
