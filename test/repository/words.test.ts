/**
 * The words that the project has left stand in the last column of the glossary in ARCHITECTURE.md, and nowhere else:
 * `code` is looked for as a name and as a part of one (`rung` in `_rung` and `wasRung`), "text" as words of a sentence.
 */
import { expect, test } from "vitest";
import { read, rowsUnder, written } from "./files.ts";

const ARCHITECTURE = "ARCHITECTURE.md";
const THIS = "test/repository/words.test.ts";
const glossary = rowsUnder(read(ARCHITECTURE), "Glossary");

/** Where a word has its ordinary sense. */
const ORDINARY: readonly (readonly [word: RegExp, files: RegExp])[] = [
  // CloudWatch has alarms.
  [/^alarm$/, /^(infra|cdk|docs|bench)\/|^(README|ARCHITECTURE|CHANGELOG)\.md$|^cli\/commands\/deploy\.ts$/],
  // Items of earlier releases have the names of their time.
  [/turn/, /^shared\/aws\/early-head\.ts$/],
  // A driver of a test calls what another part of the system would call.
  [/driver/, /^test\/(support|emulator|simulation|schedule)\//],
];
const isOrdinary = (shown: string, file: string): boolean =>
  ORDINARY.some(([word, files]) => word.test(shown) && files.test(file));

interface Word {
  readonly shown: string;
  readonly pattern: RegExp;
}

function wordsOf(cell: string): Word[] {
  const code = [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => ({ shown: name!, pattern: partOfName(name!) }));
  const text = [...cell.matchAll(/"([^"]+)"/g)].map(([, words]) => ({ shown: words!, pattern: sentence(words!) }));
  return [...code, ...text];
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function partOfName(name: string): RegExp {
  if (!/^[a-z]+$/.test(name)) return new RegExp(`(?<![\\w-])${escaped(name)}(?!\\w)`);
  const hump = name[0]!.toUpperCase() + name.slice(1);
  return new RegExp(`(?<![A-Za-z])${name}(?![a-z])|(?<![A-Z])${hump}(?![a-z])|\\b${name.toUpperCase()}\\b`);
}

const sentence = (words: string): RegExp => new RegExp(`(?<![\\w-])${escaped(words)}(?![\\w-])`, "i");

/** Comments and paragraphs as one line, so that a line's end hides nothing. */
function flat(file: string, text: string): string {
  return withoutTheWords(file, text)
    .replace(/\n[ \t]*(?:\*(?!\/)|\/\/|#)?[ \t]*/g, " ")
    .replaceAll("`", "")
    .replace(/\bturns? of (?:the )?(?:event )?loop\b|\bGitHub\b/gi, "");
}

function withoutTheWords(file: string, text: string): string {
  if (file !== ARCHITECTURE) return text;
  const [before, terms] = text.split("## Glossary");
  return before + terms!.replace(/[^|\n]*\|$/gm, "");
}

test("every term of the glossary has a meaning and a file", () => {
  expect(glossary.length).toBeGreaterThan(25);
  expect(glossary.filter((cells) => cells.length !== 4 || !cells[0] || !cells[1] || !cells[2])).toEqual([]);
});

test("the words that the project has left stand in the glossary alone", () => {
  const words = glossary.flatMap((cells) => wordsOf(cells[3] ?? ""));
  expect(words.length).toBeGreaterThan(30);
  const found: string[] = [];
  for (const file of written()) {
    if (file === THIS) continue;
    const text = flat(file, read(file));
    for (const { shown, pattern } of words) {
      if (isOrdinary(shown, file)) continue;
      const hit = pattern.exec(text);
      if (hit) found.push(`${file}: ${shown}: …${text.slice(Math.max(0, hit.index - 40), hit.index + 40)}…`);
    }
  }
  expect(found).toEqual([]);
});
